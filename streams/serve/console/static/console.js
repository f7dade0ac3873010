// Turns times into the reader's zone, draws the charts, and shows the ticket's fields that a type of order uses.
"use strict";

const CURVE_EVERY_MS = 2000;
const READABLE = { dateStyle: "short", timeStyle: "medium" };
const EXACT = {
  year: "numeric", month: "short", day: "numeric", hour: "numeric", minute: "numeric", second: "numeric", fractionalSecondDigits: 3,
};
const TICKET_CHOICES = { types: "order_type", classes: "order_class", times: "time_in_force" };
const charts = [];

function localise(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const at = new Date(time.dateTime);
    time.textContent = at.toLocaleString(undefined, time.classList.contains("exact") ? EXACT : READABLE);
  }
}

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

// The library knows UTC alone; kind: 0 year, 1 month, 2 day, 3 time without seconds, 4 with seconds.
function tickText(second, kind) {
  const at = new Date(second * 1000);
  if (kind === 0) return String(at.getFullYear());
  if (kind <= 2) return at.toLocaleDateString(undefined, { month: "short", day: "numeric" });
  return at.toLocaleTimeString(undefined, { timeStyle: kind === 3 ? "short" : "medium" });
}

function chartOptions() {
  return {
    autoSize: true,
    layout: { background: { color: colour("--card") }, textColor: colour("--soft"), attributionLogo: false },
    grid: { vertLines: { color: colour("--rule") }, horzLines: { color: colour("--rule") } },
    timeScale: { timeVisible: true, secondsVisible: true, borderColor: colour("--rule"), tickMarkFormatter: tickText },
    rightPriceScale: { borderColor: colour("--rule") },
    localization: {
      timeFormatter: (second) => new Date(second * 1000).toLocaleString(),
      priceFormatter: (value) => value.toLocaleString(undefined, { minimumFractionDigits: 2, maximumFractionDigits: 4 }),
    },
  };
}

async function refresh(shown) {
  const answer = await fetch(shown.address, { headers: { Accept: "application/json" } });
  if (answer.ok) shown.draw(await answer.json());
}

function addCurve(element) {
  const chart = LightweightCharts.createChart(element, chartOptions());
  const line = colour("--one");
  const series = chart.addSeries(LightweightCharts.LineSeries, { color: line, lineWidth: 2 });
  charts.push({ chart, element, address: element.dataset.curve, draw: (points) => series.setData(points) });
}

function addCurves(element) {
  const chart = LightweightCharts.createChart(element, chartOptions());
  const styles = [0, 2, 1, 3, 4];
  const draw = (runs) => runs.forEach((run, place) => {
    const series = chart.addSeries(LightweightCharts.LineSeries, {
      color: colour(`--line-${place % 5}`), lineStyle: styles[place % 5], lineWidth: 2, title: run.name,
    });
    series.setData(run.points);
  });
  charts.push({ chart, element, address: element.dataset.curves, draw, isFixed: true });
}

function addCandles(element) {
  const chart = LightweightCharts.createChart(element, chartOptions());
  const up = colour("--gain");
  const down = colour("--loss");
  const series = chart.addSeries(LightweightCharts.CandlestickSeries, {
    upColor: colour("--card"), borderUpColor: up, wickUpColor: up, downColor: down, borderDownColor: down, wickDownColor: down,
  });
  const markers = LightweightCharts.createSeriesMarkers(series, []);
  let lines = [];
  const draw = (found) => {
    series.setData(found.bars);
    for (const line of lines) series.removePriceLine(line);
    lines = found.orders.map((order) => series.createPriceLine({
      price: order.price, title: order.title, color: order.side === "BUY" ? up : down, lineWidth: 1, lineStyle: 2,
    }));
    markers.setMarkers(found.fills.map((fill) => ({
      time: fill.time,
      position: fill.side === "BUY" ? "belowBar" : "aboveBar",
      shape: fill.side === "BUY" ? "arrowUp" : "arrowDown",
      color: fill.side === "BUY" ? up : down,
      text: fill.text,
    })));
  };
  charts.push({ chart, element, address: element.dataset.candles, draw });
}

function isUsed(part) {
  return Object.entries(TICKET_CHOICES).every(([name, id]) => {
    const choice = document.getElementById(id);
    return !part.dataset[name] || (!choice.disabled && part.dataset[name].split(" ").includes(choice.value));
  });
}

// Hides the fields that the chosen order does not use, and disables them, so that they are not sent. A choice stands
// before what depends on it.
function showTicketFields() {
  for (const part of document.querySelectorAll("#ticket :is([data-types], [data-classes], [data-times])")) {
    const isShown = isUsed(part);
    part.hidden = !isShown;
    if (part.matches("option")) {
      part.disabled = !isShown;
      if (part.selected && !isShown) part.parentElement.selectedIndex = 0;
    }
    for (const field of part.querySelectorAll("input, select")) field.disabled = !isShown;
  }
}

function recolour() {
  for (const shown of charts) shown.chart.applyOptions(chartOptions());
}

function switchTheme() {
  const isDark = matchMedia("(prefers-color-scheme: dark)").matches;
  const now = document.documentElement.dataset.theme || (isDark ? "dark" : "light");
  document.documentElement.dataset.theme = now === "dark" ? "light" : "dark";
  localStorage.setItem("theme", document.documentElement.dataset.theme);
  recolour();
}

function keepFresh(shown) {
  let waits = false;
  document.body.addEventListener("htmx:sseMessage", () => {
    if (waits) return;
    waits = true;
    setTimeout(() => { waits = false; refresh(shown); }, CURVE_EVERY_MS);
  });
}

document.querySelectorAll("[data-curve]").forEach(addCurve);
document.querySelectorAll("[data-candles]").forEach(addCandles);
document.querySelectorAll("[data-curves]").forEach(addCurves);
for (const shown of charts) {
  refresh(shown).then(() => {
    shown.chart.timeScale().fitContent();
    shown.element.dataset.drawn = "yes";
  });
  if (!shown.isFixed) keepFresh(shown);
}
localise(document);
showTicketFields();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", recolour);
document.getElementById("theme").addEventListener("click", switchTheme);
document.getElementById("ticket")?.addEventListener("change", showTicketFields);
for (const select of document.querySelectorAll("[data-submits]")) {
  select.addEventListener("change", () => select.form.submit());
}
let scrolled = [];
document.body.addEventListener("htmx:beforeSwap", (event) => {
  scrolled = [...event.detail.target.querySelectorAll(".scroll, .tall")].map((part) => [part.scrollLeft, part.scrollTop]);
});
document.body.addEventListener("htmx:afterSwap", (event) => {
  localise(event.detail.target);
  event.detail.target.querySelectorAll(".scroll, .tall").forEach((part, place) => {
    if (scrolled[place]) [part.scrollLeft, part.scrollTop] = scrolled[place];
  });
});
document.body.addEventListener("htmx:configRequest", (event) => {
  // A field of a time has no zone: it is the reader's.
  const { elt, parameters } = event.detail;
  if (elt.id === "ticket" && parameters.expires) parameters.expires = new Date(parameters.expires).toISOString();
});
document.body.addEventListener("htmx:afterRequest", (event) => {
  // An order that got an answer is over; one that got none is sent again with the same id.
  if (event.detail.elt.id === "ticket" && event.detail.successful) {
    event.detail.elt.elements.order_id.value = crypto.randomUUID();
  }
});
function showLink(text, isUp) {
  const link = document.getElementById("link");
  if (!link) return;
  link.textContent = text;
  link.classList.toggle("down", !isUp);
}

function reconnected() {
  showLink("live", true);
  // What happened while the stream was cut is asked for.
  for (const part of document.querySelectorAll("[data-live]")) htmx.trigger(part, "console:refresh");
}

document.body.addEventListener("htmx:sseOpen", reconnected);
document.body.addEventListener("htmx:sseError", () => showLink("not connected", false));
document.body.addEventListener("htmx:sendError", () => {
  const said = document.getElementById("said");
  if (said) said.innerHTML = '<p class="message bad"><b>No connection.</b> The service does not answer. Try again.</p>';
});
