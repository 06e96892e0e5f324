// Charts that tell values when pointed at: plotly takes a drawing's place once it comes into view, if its script lies
// beside the pages (assets/plotly.min.js, loaded once a page). Without it the drawing stays, and prints.
(() => {
  const charts = [...document.querySelectorAll('svg.chart[data-chart]')], up = document.documentElement.dataset.up;
  if (!charts.length || up === undefined) return;
  const dark = matchMedia('(prefers-color-scheme: dark)');
  let loading;
  const plotly = () => loading ||= new Promise((there, absent) => {
    const script = document.createElement('script');
    script.src = up + 'assets/plotly.min.js';
    script.onload = () => there(window.Plotly);
    script.onerror = absent;
    document.head.append(script);
  });
  const colour = name => getComputedStyle(document.documentElement).getPropertyValue('--' + name).trim();
  const lines = words => words.replace(/[<>&]/g, '').replace('\n', '<br>');
  function layout(chart, box) {
    const axis = {gridcolor: colour('rim'), zeroline: false, automargin: true, fixedrange: true, exponentformat: 'power', separatethousands: true};
    const rows = chart.rows.length && {tickvals: chart.rows.map((_, i) => i), ticktext: chart.rows.map(lines), showgrid: false, ticklabelstandoff: 8};
    return {
      height: rows ? chart.size[1] : Math.max(200, Math.round(box.clientWidth * chart.size[1] / chart.size[0])),
      margin: {l: 40, r: 12, t: chart.y ? 24 : 8, b: 36}, paper_bgcolor: 'rgba(0,0,0,0)', plot_bgcolor: 'rgba(0,0,0,0)', hovermode: 'closest',
      showlegend: false, font: {color: colour('soft'), size: 12, family: 'inherit'},
      xaxis: {...axis, ...(chart.log && {type: 'log', dtick: 1}), title: {text: box.clientWidth < 420 ? chart.x.replace(' (', '<br>(') : chart.x, standoff: 6, font: {size: 12}}, range: chart.xrange || undefined, zeroline: !!rows, zerolinecolor: colour('soft')},
      yaxis: {...axis, range: chart.yrange || undefined, ...rows},
      annotations: chart.y ? [{text: lines(chart.y), showarrow: false, xref: 'paper', x: 0, xanchor: 'left', yref: 'paper', y: 1, yanchor: 'bottom', yshift: 4}] : [],
      hoverlabel: {bgcolor: colour('card'), bordercolor: colour('rim'), font: {color: colour('ink')}},
    };
  }
  function traces(chart) {
    return chart.lines.map(line => {
      const own = colour(line.kind.split(' ')[0]), seed = line.kind.includes('seed');
      return {
        x: line.xs, y: line.ys, name: line.tip, mode: line.mark ? 'markers' : 'lines', cliponaxis: !line.mark,
        line: {color: own, width: seed ? 1.4 : 2, dash: line.kind === 'f' ? 'dash' : 'solid'},
        marker: {symbol: line.mark, size: seed ? 6 : 10, color: line.kind.includes('open') ? colour('card') : own, line: {color: own, width: seed ? 0 : 2}},
        hovertemplate: lines(line.tip) + (chart.rows.length ? '' : `<br>${lines(chart.x)} %{x:.4~g}<br>${lines(chart.y)} %{y:.4~g}`) + '<extra></extra>',
      };
    });
  }
  async function draw(svg) {
    let Plotly;
    try { Plotly = await plotly(); } catch { return; }
    const chart = JSON.parse(svg.dataset.chart), box = document.createElement('div');
    box.className = 'plotly-box';
    svg.after(box);
    const render = () => Plotly.react(box, traces(chart), layout(chart, box), {displayModeBar: false, responsive: true});
    await render();
    svg.classList.add('replaced');
    dark.addEventListener('change', render);
  }
  const seen = new IntersectionObserver(found => found.forEach(f => {
    if (f.isIntersecting) { seen.unobserve(f.target); draw(f.target); }
  }), {rootMargin: '200px'});
  charts.forEach(svg => seen.observe(svg));
})();
