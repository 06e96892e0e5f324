// What ran here, from runs/stages.js beside reports/, read when the page is opened: each stage's state and time in the
// graph, and the commits, versions and machines below. Without that file the page says that it knows nothing of it.
(() => {
  const last = new Map(); // a stage's outputs -> its last run
  window.sanreidRan = run => last.set(run.stage + ' ' + run.outs.join(' '), run);
  const clock = s => s < 60 ? `${s.toFixed(s < 10 ? 1 : 0)} s` : s < 3600 ? `${Math.floor(s / 60)} min ${Math.round(s % 60)} s`
    : `${Math.floor(s / 3600)} h ${Math.round(s % 3600 / 60)} min`;
  const script = document.createElement('script');
  script.src = document.documentElement.dataset.up + '../runs/stages.js';
  script.onload = show;
  document.body.append(script);
  function show() {
    const runs = [...last.values()];
    document.querySelectorAll('.pipeline .node:not(.source)').forEach(node => {
      const writes = node.dataset.writes.split('|');
      const own = runs.filter(r => r.stage === node.dataset.name && r.outs.some(o => writes.some(w => w === o || w.startsWith(o + '/'))));
      const failed = own.filter(r => r.failed).length, of = +node.dataset.runs, done = own.length - failed;
      const took = node.querySelector('.took');
      const state = failed ? 'failed' : done >= of ? 'done' : done ? 'part' : 'none';
      node.dataset.state = state;
      took.textContent = !own.length ? '' : failed ? `${failed} failed` : (done < of ? `${done} of ${of} · ` : '✓ ') + clock(own.reduce((t, r) => t + r.seconds, 0));
    });
    const body = document.querySelector('#ran tbody');
    const groups = new Map();
    for (const run of runs) {
      const key = [run.commit || 'no git', run.machine, run.system, Object.entries(run.versions).map(v => v.join(' ')).join(', ')];
      const group = groups.get(key.join('|')) || {key, seconds: 0, runs: 0, ended: ''};
      group.seconds += run.seconds; group.runs += 1; if (run.ended > group.ended) group.ended = run.ended;
      groups.set(key.join('|'), group);
    }
    for (const g of [...groups.values()].sort((a, b) => a.ended < b.ended ? 1 : -1)) {
      const row = body.insertRow();
      for (const words of [g.key[0], `${g.runs}`, clock(g.seconds), g.ended, g.key[1] + ' · ' + g.key[2], g.key[3]]) row.insertCell().textContent = words;
      for (const number of [1, 2]) row.cells[number].className = 'n';
    }
    window.sanreidSortable(body.parentNode);
    document.querySelector('#ran').hidden = !groups.size;
    document.querySelector('#ran-none').hidden = !!groups.size;
  }
})();
