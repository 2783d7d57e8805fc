(function () {
  "use strict";
  const report = JSON.parse(document.getElementById("page-data").textContent);
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const narrow = matchMedia("(max-width: 44rem)");
  const config = { displayModeBar: false, responsive: true, showTips: false, doubleClick: false };
  let chosen = 0;

  // Colours are names such as "@gru" until they are drawn: the style sheet knows light, dark and paper.
  function painted(value, style) {
    if (typeof value === "string") return value[0] === "@" ? style.getPropertyValue("--" + value.slice(1)).trim() : value;
    if (Array.isArray(value)) return value.map((one) => painted(one, style));
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, painted(one, style)]));
    }
    return value;
  }

  function axis(own) {
    const line = { gridcolor: "@rule", zerolinecolor: "@rule", linecolor: "@faint", tickcolor: "@faint", fixedrange: true };
    const whole = { automargin: true, ...line, ...own };
    if (whole.title) whole.title = { standoff: 10, font: { size: 12, color: "@muted" }, ...whole.title };
    return whole;
  }

  function draw(name, data, layout, width) {
    const place = document.getElementById("chart-" + name);
    if (!place) return;
    const whole = {
      font: { family: getComputedStyle(document.body).fontFamily, size: narrow.matches ? 11 : 12.5, color: "@ink" },
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", dragmode: false,
      margin: { l: 8, r: 12, t: 30, b: 8 }, bargap: 0.35,
      legend: { orientation: "h", x: 0, xanchor: "left", y: 1.02, yanchor: "bottom" },
      hoverlabel: { bgcolor: "@panel", bordercolor: "@faint", font: { color: "@ink" } },
      colorway: ["@gru", "@lstm", "@rnn", "@blend", "@base"],
      ...layout,
    };
    for (const key of new Set(["xaxis", "yaxis", ...Object.keys(layout)])) {
      if (/^[xy]axis\d*$/.test(key)) whole[key] = axis(layout[key] || {});
    }
    // beside each other on a narrow screen, labels of values would read as one number; the table has them
    if (narrow.matches && name === "parallel") delete whole.annotations;
    if (width) whole.width = width; else whole.autosize = true;
    const style = getComputedStyle(root);
    Plotly.react(place, painted(data, style), painted(whole, style), config);
    for (const svg of place.querySelectorAll("svg")) svg.setAttribute("aria-hidden", "true");
  }

  function line(x, y, name, colour, more) {
    return { type: "scatter", mode: "lines", x, y, name, line: { color: colour, width: 1.8 }, ...more };
  }

  function bands(ds, part, legend) {
    const levels = Object.keys(part.lower).sort((a, b) => b - a);
    const shade = "@band-" + report.colours[0].slice(1);
    const plain = { hoverinfo: "skip", line: { width: 0, color: shade }, legendgroup: "bands" };
    return levels.flatMap((level, k) => [
      line(ds, part.lower[level], "", shade, { ...plain, showlegend: false }),
      line(ds, part.upper[level], levels.slice().reverse().join(", ") + " % intervals", shade,
        { ...plain, fill: "tonexty", fillcolor: shade, showlegend: legend && k === 0 }),
    ]);
  }

  function upright(x, text, side) {
    return [
      { type: "line", x0: x, x1: x, y0: 0, y1: 1, yref: "paper", line: { color: "@muted", width: 1, dash: "dot" } },
      { x, y: 1, yref: "paper", text, showarrow: false, xanchor: side || "left", yanchor: "top", xshift: side ? -4 : 4, font: { size: 11, color: "@muted" } },
    ];
  }

  function timeLayout(marks, range) {
    return {
      height: 400, hovermode: "x", shapes: marks.map((one) => one[0]), annotations: marks.map((one) => one[1]),
      xaxis: { type: "date", showgrid: false, range }, yaxis: { title: { text: report.target } },
    };
  }

  // A single step has no length: dots show what a line would hide.
  function way(ds) { return ds.length === 1 ? { mode: "lines+markers" } : {}; }

  function drawForecast(one, width) {
    const test = one.ds.slice(one.test.begin);
    const data = [...bands(test, one.test, true), ...(one.ahead ? bands(one.ahead.ds, one.ahead, false) : [])];
    data.push(line(one.ds, one.y, "what happened", "@ink", { line: { color: "@ink", width: 1.4 } }));
    data.push(line(test, one.test.mean, report.winner, report.colours[0], { line: { color: report.colours[0], width: 2.6 }, ...way(test) }));
    if (report.beside) {
      data.push(line(test, one.test.beside, report.beside, report.colours[1], { line: { color: report.colours[1], width: 1.6, dash: "dash" }, ...way(test) }));
    }
    const marks = [upright(test[0], "test set", "right")];
    let last = one.ds[one.ds.length - 1];
    if (one.ahead) {
      last = one.ahead.ds[one.ahead.ds.length - 1];
      marks.push(upright(one.ahead.ds[0], "ahead"));
      data.push(line(one.ahead.ds, one.ahead.mean, report.winner, report.colours[0], { line: { color: report.colours[0], width: 2.6 }, showlegend: false, ...way(one.ahead.ds) }));
    }
    const back = narrow.matches ? Math.max(2 * report.horizon, report.season, 20) : Math.max(4 * report.horizon, 3 * report.season, 30);
    const all = document.getElementById("span").value === "all";
    const from = all ? 0 : Math.max(0, one.ds.length - report.horizon - back);
    const layout = timeLayout(marks, [one.ds[from], last]);
    layout.yaxis.range = valueRange(data, one.ds[from]);
    draw("forecast", data, layout, width);
  }

  function drawFolds(one, width) {
    const parts = [...one.folds, one.test];
    const from = Math.max(0, parts[0].begin - Math.max(report.horizon, report.season));
    const data = [line(one.ds.slice(from), one.y.slice(from), "what happened", "@ink", { line: { color: "@ink", width: 1.4 } })];
    const marks = [];
    parts.forEach((part, k) => {
      const ds = one.ds.slice(part.begin, part.begin + report.horizon);
      const legend = { showlegend: k === 0 };
      marks.push(upright(ds[0], k < one.folds.length ? "fold " + (k + 1) : narrow.matches ? "test" : "test set"));
      data.push(line(ds, part.mean, report.winner, report.colours[0], { line: { color: report.colours[0], width: 2.6 }, ...way(ds), ...legend }));
      if (report.beside) data.push(line(ds, part.beside, report.beside, report.colours[1], { line: { color: report.colours[1], width: 1.6, dash: "dash" }, ...way(ds), ...legend }));
    });
    const layout = timeLayout(marks, [one.ds[from], one.ds[one.ds.length - 1]]);
    layout.height = 380;
    draw("folds", data, layout, width);
  }

  // The values seen from a stamp on, with some room; stamps of one series are written alike, so text order is time order.
  function valueRange(data, from) {
    let low = Infinity, high = -Infinity;
    for (const trace of data) {
      trace.y.forEach((y, k) => {
        if (y !== null && trace.x[k] >= from) { low = Math.min(low, y); high = Math.max(high, y); }
      });
    }
    const room = 0.06 * (high - low) || 1;
    return low <= high ? [low - room, high + room] : undefined;
  }

  function drawSeries(width) {
    if (!report.series.length) return;
    const one = report.series[chosen];
    drawForecast(one, width);
    drawFolds(one, width);
    for (const name of ["forecast", "folds"]) {
      document.getElementById(name + "-title").textContent = one[name + "_title"];
      document.getElementById("chart-" + name).setAttribute("aria-label", one[name + "_title"]);
      const details = document.querySelector("details[data-numbers=" + name + "]");
      const place = details.querySelector(".scroll");
      place.replaceChildren();
      if (details.open) place.append(numbers(name, one));
    }
  }

  function drawAll(width) {
    drawSeries(width);
    for (const one of report.figures) draw(one.name, one.data, one.layout, width);
  }

  function element(name, text, more) {
    return Object.assign(document.createElement(name), { textContent: text }, more);
  }

  function written(cell) {
    if (typeof cell !== "number") return cell ?? "–";
    return Math.abs(cell) < 1e15 && (Math.abs(cell) >= 1e-4 || !cell) ? cell.toLocaleString("en", { maximumSignificantDigits: 6 }) : String(cell);
  }

  function numbers(name, one) {
    const levels = Object.keys(one.test.lower);
    const header = ["time", "part", "what happened", report.winner];
    if (report.beside) header.push(report.beside);
    if (name === "forecast") for (const level of levels) header.push("lo-" + level, "hi-" + level);
    const rows = [];
    const add = (ds, title, part, actual) => ds.forEach((stamp, k) => {
      const row = [stamp, title, actual ? actual[k] : null, part.mean[k]];
      if (report.beside) row.push(part.beside ? part.beside[k] : null);
      if (name === "forecast") for (const level of levels) row.push(part.lower[level]?.[k], part.upper[level]?.[k]);
      rows.push(row);
    });
    const parts = name === "folds" ? [...one.folds.map((part, k) => ["fold " + (k + 1), part]), ["test set", one.test]] : [["test set", one.test]];
    for (const [title, part] of parts) {
      const stop = part.begin + report.horizon;
      add(one.ds.slice(part.begin, stop), title, part, one.y.slice(part.begin, stop));
    }
    if (name === "forecast" && one.ahead) add(one.ahead.ds, "ahead", one.ahead);
    const table = document.createElement("table");
    table.append(element("caption", one.id));
    const head = table.createTHead().insertRow();
    for (const text of header) head.append(element("th", text, { scope: "col" }));
    const body = table.createTBody();
    for (const row of rows) {
      const place = body.insertRow();
      row.forEach((cell, k) => place.append(element(k ? "td" : "th", written(cell), k ? {} : { scope: "row" })));
    }
    return table;
  }

  for (const select of document.querySelectorAll("select.series")) {
    select.addEventListener("change", () => {
      chosen = Number(select.value);
      for (const other of document.querySelectorAll("select.series")) other.value = select.value;
      drawSeries();
    });
  }
  document.getElementById("span")?.addEventListener("change", () => drawSeries());
  for (const details of document.querySelectorAll("details[data-numbers]")) {
    details.addEventListener("toggle", () => {
      const place = details.querySelector(".scroll");
      if (details.open && !place.firstChild) place.append(numbers(details.dataset.numbers, report.series[chosen]));
    });
  }
  dark.addEventListener("change", () => drawAll());
  narrow.addEventListener("change", () => drawAll());
  addEventListener("beforeprint", () => { root.classList.add("printing"); drawAll(660); });
  addEventListener("afterprint", () => { root.classList.remove("printing"); drawAll(); });
  drawAll();
  root.dataset.drawn = "yes";
})();
