// The parts that the page is made of. Names of files are people's own text: all is put in as text, never as HTML.

export const $ = (id) => document.getElementById(id);
export const number = (value) => value.toLocaleString("en");
const near = (share) => (share > 0.999 && share < 1 ? ">99.9" : share < 0.001 && share > 0 ? "<0.1" : (100 * share).toFixed(1));
export const percent = (share) => `${near(share)}\u00a0%`; // never a certainty that there is not, and never in two lines
export const time = (seconds) => (seconds < 90 ? `${Math.ceil(seconds)} s` : `${Math.round(seconds / 60)} min`);
export const plural = (count, one, many) => `${number(count)} ${count === 1 ? one : many}`;

export function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

// Who and where, as far as it is known, or else the file's name.
export function described(item) {
  const told = [item.pid !== null && `person ${item.pid}`, item.camid !== null && `camera ${item.camid}`].filter(Boolean);
  return told.join(" · ") || item.name.split("/").pop();
}

// A picture as a button that searches for whom it shows; `rank` in a list.
export function hit(item, rank) {
  const mark = item.right === true ? "✓" : item.right === false ? "✗" : "";
  return make(
    "button",
    { type: "button", value: item.row, className: `hit ${mark && (item.right ? "right" : "wrong")}`, title: `${item.name}\nSearch for this person` },
    make("img", { src: item.picture, loading: "lazy", alt: item.name, decoding: "async" }),
    rank ? make("b", {}, rank === "?" ? "" : number(rank), make("i", { textContent: mark, title: item.right ? "the same person" : "somebody else" })) : null,
    item.distance === undefined ? null : make("span", { textContent: `distance ${item.distance.toFixed(3)}` }),
    item.probability === undefined ? null : make("span", { textContent: `same: ${percent(item.probability)}` }),
    make("span", { textContent: described(item) }),
  );
}

export const grid = (items) => make("div", { className: "grid" }, ...items);
