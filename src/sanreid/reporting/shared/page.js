// What every page does, inlined as page.css is: the menu, and tables that sort. No library.
(() => {
  // The menu: a page is there if its cover loads; a page on a disk may look at pictures and at nothing else.
  function probe(link, i = 0) {
    const covers = link.dataset.covers.split(' '), hrefs = link.dataset.hrefs.split(' ');
    const cover = new Image();
    cover.onload = () => { link.href = hrefs[i]; link.dataset.there = 'yes'; show(link, covers[i]); };
    cover.onerror = () => {
      if (i + 1 < covers.length) return probe(link, i + 1);
      link.dataset.there = 'no';
      link.title = 'not made yet: ' + link.dataset.command;
    };
    cover.src = covers[i];
  }
  function show(link, cover) {
    for (const img of link.querySelectorAll('img.cover')) { img.src = cover; img.hidden = false; }
  }
  document.querySelectorAll('a[data-covers]').forEach(link => { if (link.dataset.covers) probe(link); });

  // Tables: a click on a column's head sorts the rows of each block, a third one puts them back.
  const units = {s: 1, min: 60, h: 3600, k: 1e3, M: 1e6, G: 1e9};
  const number = text => {
    const parts = [...text.matchAll(/(\d+(?:\.\d+)?) ?(s|min|h|k|M|G)(?![\w/])/g)]; // 2.8 M, 8 min 44 s
    if (parts.length) return parts.reduce((sum, part) => sum + part[1] * units[part[2]], 0);
    const found = text.replace(/[−–]/g, '-').replace(/,(?=\d{3})/g, '').match(/^[^\d-]*(-?\d+(\.\d+)?)/);
    return found ? parseFloat(found[1]) : null;
  };
  function sort(table, column, way, numbers) {
    for (const body of table.tBodies) {
      const rows = [...body.rows].filter(r => !r.classList.contains('title'));
      const value = row => (row.cells[column] ? row.cells[column].innerText.trim() : '');
      rows.sort((a, b) => {
        if (!way) return a.dataset.place - b.dataset.place;
        const [x, y] = [value(a), value(b)];
        if (!x || !y || x === '–' || y === '–') return (!x || x === '–') - (!y || y === '–'); // what is not there comes last
        const [p, q] = [number(x), number(y)];
        const by = numbers && p !== null && q !== null ? p - q : x.localeCompare(y, 'en', {numeric: true});
        return way * by || a.dataset.place - b.dataset.place;
      });
      rows.forEach(row => body.append(row));
    }
  }
  function sortable(table) {
    if (!table.tHead || [...table.tBodies].every(b => b.rows.length < 2)) return;
    for (const body of table.tBodies) [...body.rows].forEach((row, i) => { row.dataset.place = i; });
    const heads = [...table.tHead.rows].at(-1).cells; // above them may stand what spans several
    [...heads].forEach((head, column) => {
      head.tabIndex = 0;
      head.title ||= 'sort';
      head.classList.add('sorts');
      const turn = () => {
        const first = head.classList.contains('n') ? -1 : 1; // numbers: the largest first; others as words, digits by value
        const now = {none: 0, ascending: 1, descending: -1}[head.getAttribute('aria-sort') || 'none'];
        const way = now === 0 ? first : now === first ? -first : 0;
        for (const other of heads) other.removeAttribute('aria-sort');
        if (way) head.setAttribute('aria-sort', way > 0 ? 'ascending' : 'descending');
        sort(table, column, way, head.classList.contains('n'));
      };
      head.addEventListener('click', turn);
      head.addEventListener('keydown', e => { if (e.key === 'Enter' || e.key === ' ') { e.preventDefault(); turn(); } });
    });
  }
  document.querySelectorAll('table').forEach(sortable);
  window.sanreidSortable = sortable; // for a table that is filled later
})();
