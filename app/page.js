// The search page: what is shown stands in the address (#folder=..&row=..), so that Back goes back and a reload stays.

import { $, described, grid, hit, make, number, percent, plural, time } from "./parts.js";

const SENT = ["folder", "row", "v", "query", "view", "rerank", "others", "top", "seed"];
const EVEN = " “Same” assumes that two pictures show one person as often as not.";
const RENDERED = " It was measured on rendered people: on photographs it is too sure.";
let galleries = [];
let network = {};
let turn = 0; // the newest request's number: an older one's answer is dropped

async function ask(path, options) {
  const answer = await fetch(path, options).catch(() => {
    throw new Error("The page's server does not answer: start it again with make app.");
  });
  const told = await answer.json().catch(() => ({ detail: `The server answered ${answer.status}.` }));
  if (answer.ok) return told;
  const words = typeof told.detail === "string" ? told.detail : "The page asked for something that there is not.";
  throw Object.assign(new Error(words), { status: answer.status });
}

function complain(error) {
  $("alert").textContent = error ? error.message : "";
  $("alert").hidden = !error;
}

const where = () => Object.fromEntries(new URLSearchParams(location.hash.slice(1)));

function go(changes) {
  const next = { ...where(), ...changes };
  const kept = SENT.filter((name) => next[name] !== undefined && next[name] !== "" && next[name] !== false);
  const hash = `#${new URLSearchParams(kept.map((name) => [name, next[name] === true ? "1" : next[name]]))}`;
  if (hash === location.hash) safely(apply)();
  else location.hash = hash;
}

const current = () => galleries.find((gallery) => gallery.id === where().folder);

function showFolders() {
  const select = $("folder");
  select.replaceChildren(...galleries.map((g) => make("option", { value: g.id, textContent: g.name })));
  select.disabled = !galleries.length;
  if (!galleries.length) select.append(make("option", { textContent: "no folder yet" }));
  select.value = where().folder ?? "";
}

function showState(gallery) {
  const busy = gallery && ["waiting", "reading"].includes(gallery.state);
  const ready = gallery?.state === "ready";
  $("progress").hidden = !busy;
  $("read").hidden = !gallery || busy;
  $("broken").hidden = !ready || !gallery.broken_count;
  if (!gallery) {
    $("state").textContent = "Start the page with a folder: make app FOLDERS=\"photos\", or run make demo for the rendered sets.";
    return;
  }
  $("read").textContent = ready ? "Look again" : "Index";
  $("read").title = ready ? "Read what is new or changed" : "";
  $("read").className = ready ? "again" : "";
  if (gallery.total) Object.assign($("progress"), { max: gallery.total, value: gallery.done });
  else $("progress").removeAttribute("value");
  const left = gallery.left === null || gallery.left === undefined ? "" : `, ${time(gallery.left)} left`;
  $("state").textContent = {
    unread: "Not indexed yet: each picture is read once, and what was found is kept on disk.",
    waiting: "Waits for another folder to be read.",
    reading: gallery.total ? `${number(gallery.done)} of ${number(gallery.total)} pictures${left}` : "Looking for pictures.",
    failed: gallery.message,
    ready: ready && facts(gallery),
  }[gallery.state];
  if (!$("broken").hidden) {
    const more = gallery.broken_count - gallery.broken.length;
    $("broken").firstElementChild.textContent = `${number(gallery.broken_count)} left out`;
    $("broken").lastElementChild.replaceChildren(
      ...gallery.broken.map((b) => make("li", { textContent: `${b.name}: ${b.why}` })),
      ...(more > 0 ? [make("li", { textContent: `and ${number(more)} more` })] : []),
    );
  }
}

function facts(gallery) {
  const known = [plural(gallery.pictures, "picture", "pictures")];
  if (gallery.people) known.push(plural(gallery.people, "person", "people"));
  if (gallery.cameras) known.push(plural(gallery.cameras, "camera", "cameras"));
  if (gallery.unkept) known.push(`not kept on disk: ${gallery.unkept}`);
  return known.join(" · ");
}

async function showSearch(gallery, at, mine) {
  const asked = at.query ? { query: at.query } : at.row !== undefined ? { row: at.row, v: at.v ?? "" } : null;
  $("more").hidden = Boolean(asked);
  for (const id of ["rerank", "top"]) $(id).parentElement.hidden = !asked;
  $("others-label").hidden = !asked || at.row === undefined || gallery.cameras < 2;
  $("tools").hidden = false;
  if (!asked) {
    const sample = await ask(`/api/galleries/${gallery.id}/sample?count=48&seed=${at.seed ?? 0}`);
    if (mine !== turn) return;
    $("told").textContent = "Drop a picture above, or click somebody here to search for them.";
    $("results").replaceChildren(grid(sample.map((item) => hit(item))));
    return;
  }
  const wanted = new URLSearchParams({ ...asked, top: at.top ?? 60, rerank: at.rerank ? 1 : 0, other_cameras: at.others ? 1 : 0 });
  const found = await ask(`/api/galleries/${gallery.id}/search?${wanted}`);
  if (mine !== turn) return;
  const again = found.reranked ? `; the nearest ${number(found.reranked)} re-ranked` : at.rerank ? "; too few to re-rank" : "";
  $("told").textContent = `${plural(found.pictures, "picture", "pictures")} compared in ${Math.max(1, Math.round(1000 * found.seconds))} ms${again}.${network.calibrated ? EVEN + (network.shipped ? RENDERED : "") : ""}`;
  if (found.asked) $("asked").lastElementChild.textContent = described(found.asked);
  $("results").replaceChildren(grid(found.results.map((item, i) => hit(item, i + 1))));
  showPerson(found.painted);
  const worn = await ask(`/api/galleries/${gallery.id}/attributes?${new URLSearchParams(asked)}`);
  if (mine === turn) showPerson(found.painted, worn);
}

// What else is known of the person who is asked for.
function showPerson(painted, worn = []) {
  const parts = [];
  if (worn.length) {
    const lines = worn.flatMap((w) => [
      make("dt", { textContent: w.attribute }),
      make("dd", { textContent: w.class }),
      make("dd", { textContent: percent(w.probability) }),
    ]);
    parts.push(make("h2", { textContent: "Attributes" }), make("dl", {}, ...lines));
  }
  if (painted) {
    const image = (kind, alt) => painted[kind] && make("img", { className: kind, src: painted[kind], alt });
    parts.push(make("h2", { textContent: "Painted texture" }), make(
      "div",
      { className: "beside" },
      image("texture", "The texture that was painted for this picture"),
      image("turned", "The person turned: front, left, back, right"),
    ), make("p", { className: "soft", textContent: "What the network takes the whole person to wear, laid out flat" + (painted.turned ? " and worn by a mean body." : ".") }));
  }
  $("person").hidden = !parts.length;
  $("person").replaceChildren(...parts);
}

async function showFailures(gallery, mine) {
  $("tools").hidden = true;
  $("results").replaceChildren();
  $("told").textContent = "Every query asks ...";
  const found = await ask(`/api/galleries/${gallery.id}/failures`);
  if (mine !== turn) return;
  const shares = { "first match at rank 1": found.rank1, "among the first 10": found.rank10 };
  $("told").textContent =
    `The queries whose first true match comes latest, of ${number(found.asked)} asking ${number(found.pictures)} pictures. ` +
    "Pictures of the query's own person and camera do not count.";
  $("results").replaceChildren(
    make("div", { className: "tiles" }, ...Object.entries(shares).map(([words, share]) => make("p", {}, make("b", { textContent: percent(share) }), words))),
    ...found.worst.map((failure) => make(
      "article",
      { className: "card failure" },
      make("div", {}, make("h3", { textContent: "query" }), hit(failure.query, "?")),
      make("div", {}, make("h3", { textContent: "first match" }), hit({ ...failure.match, right: true }, failure.rank)),
      make("div", {}, make("h3", { textContent: "came first" }), make("div", { className: "strip" }, ...failure.nearest.map((item, i) => hit(item, i + 1)))),
    )),
  );
}

function showAsked(gallery, at) {
  const picture = at.query ? `/api/queries/${at.query}?large=true` : at.row !== undefined && gallery?.state === "ready" ? `/api/galleries/${gallery.id}/pictures/${at.row}?large=true&v=${at.v ?? ""}` : "";
  const [image, caption] = $("asked").children;
  $("asked").hidden = !picture;
  if (picture && image.getAttribute("src") !== picture) image.src = picture;
  caption.textContent = at.query ? (sessionStorage.getItem(at.query) ?? "") : "";
  $("note").textContent = at.query ? (sessionStorage.getItem(`${at.query} note`) ?? "") : "";
  $("note").hidden = !$("note").textContent;
}

async function apply() {
  const at = where();
  const mine = ++turn;
  const gallery = current();
  complain(null);
  showFolders();
  showState(gallery);
  showAsked(gallery, at);
  const failing = at.view === "failures";
  $("views").hidden = gallery?.state !== "ready";
  if (at.row === undefined && !at.query) showPerson(null);
  for (const [id, view, on] of [["to-search", "", !failing], ["to-failures", "failures", failing]]) {
    $(id).href = `#${new URLSearchParams({ ...at, view })}`;
    on ? $(id).setAttribute("aria-current", "page") : $(id).removeAttribute("aria-current");
  }
  $("to-failures").hidden = !gallery?.failures;
  $("rerank").checked = Boolean(at.rerank);
  $("others").checked = Boolean(at.others);
  $("top").value = at.top ?? "60";
  if (gallery?.state !== "ready") {
    $("tools").hidden = true;
    $("told").textContent = gallery && (at.query || at.row) ? "The ranked list comes here once the folder is indexed." : "";
    $("results").replaceChildren();
    if (gallery?.state === "unread" && gallery.kept) await read(gallery.id);
    else if (["waiting", "reading"].includes(gallery?.state)) await follow(gallery.id, mine);
    return;
  }
  const shown = failing && gallery.failures ? showFailures(gallery, mine) : showSearch(gallery, at, mine);
  await shown.catch((error) => again(error, at, mine));
}

// The folder was read again in another tab, or the page's server was started anew: ask what there is now, and go on.
async function again(error, at, mine) {
  if (error.status !== 409 || mine !== turn) throw error;
  ({ galleries } = await ask("/api/galleries"));
  const ready = current()?.state === "ready";
  if (!ready) return apply();
  if (!at.v || at.v === current().version) throw error;
  history.replaceState(null, "", `#${new URLSearchParams({ folder: at.folder })}`); // its row is another picture's now
  await apply();
  complain(error);
}

function remember(gallery) {
  galleries = galleries.some((g) => g.id === gallery.id) ? galleries.map((g) => (g.id === gallery.id ? gallery : g)) : [...galleries, gallery];
}

async function read(id) {
  remember(await ask(`/api/galleries/${id}/read`, { method: "POST" }));
  await apply();
}

async function follow(id, mine) {
  for (;;) {
    await new Promise((done) => setTimeout(done, 300));
    const gallery = await ask(`/api/galleries/${id}`);
    remember(gallery);
    if (mine !== turn) return;
    showState(gallery);
    if (!["waiting", "reading"].includes(gallery.state)) return apply();
  }
}

async function send(file) {
  if (!file) return;
  $("drop").classList.add("over");
  try {
    const sent = await ask("/api/queries", { method: "POST", body: file, headers: { "Content-Type": "application/octet-stream" } });
    sessionStorage.setItem(sent.id, `${file.name} · ${sent.width} x ${sent.height}`);
    sessionStorage.setItem(`${sent.id} note`, sent.note);
    go({ query: sent.id, row: "", v: "", view: "" });
  } catch (error) {
    throw new Error(`${file.name}: ${error.message}`);
  } finally {
    $("drop").classList.remove("over");
    $("file").value = "";
  }
}

const safely = (work) => (event) => Promise.resolve(work(event)).catch(complain);

$("results").addEventListener("click", (event) => {
  const clicked = event.target.closest(".hit");
  if (!clicked) return;
  const v = new URL(clicked.querySelector("img").src).searchParams.get("v");
  go({ row: clicked.value, v, query: "", view: "" });
  scrollTo({ top: 0, behavior: "smooth" });
});
addEventListener("hashchange", safely(apply));
$("folder").addEventListener("change", (event) => go({ folder: event.target.value, row: "", v: "", view: "" }));
$("read").addEventListener("click", safely(() => read(where().folder)));
$("file").addEventListener("change", safely((event) => send(event.target.files[0])));
$("rerank").addEventListener("change", (event) => go({ rerank: event.target.checked }));
$("others").addEventListener("change", (event) => go({ others: event.target.checked }));
$("top").addEventListener("change", (event) => go({ top: event.target.value }));
$("more").addEventListener("click", () => go({ seed: Number(where().seed ?? 0) + 1 }));
addEventListener("dragover", (event) => { event.preventDefault(); $("drop").classList.add("over"); });
addEventListener("dragleave", (event) => { if (!event.relatedTarget) $("drop").classList.remove("over"); });
addEventListener("drop", safely((event) => { event.preventDefault(); $("drop").classList.remove("over"); return send(event.dataTransfer.files[0]); }));
addEventListener("paste", safely((event) => send(event.clipboardData.files[0])));
$("other").querySelector("form").addEventListener("submit", safely(async (event) => {
  event.preventDefault();
  const gallery = await ask("/api/galleries", { method: "POST", body: JSON.stringify({ folder: $("typed").value }), headers: { "Content-Type": "application/json" } });
  remember(gallery);
  go({ folder: gallery.id, row: "", v: "", view: "" });
}));

safely(async () => {
  const told = await ask("/api/galleries");
  ({ galleries, network } = told);
  $("network").textContent = `${told.network.name} · ${number(told.network.dimension)} numbers a picture`;
  const first = galleries.find((g) => g.state === "ready") ?? galleries.find((g) => g.kept) ?? galleries[0];
  if (!current() && first) go({ folder: first.id, row: "", v: "" });
  if (current() || !first) await apply();
})();
