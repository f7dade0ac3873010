"""CSS of the report's page, with a light and a dark palette."""

STYLE = """
:root { color-scheme: light dark; --paper: #f6f7f9; --card: #ffffff; --ink: #1b2330; --soft: #5d6878; --rule: #e1e5eb;
  --one: #2463c9; --two: #8a63c9; --gain: #14804a; --loss: #c22f3d; --quiet: #8b95a5; }
@media (prefers-color-scheme: dark) { :root { --paper: #11151b; --card: #1a2029; --ink: #e8ecf2; --soft: #9aa5b5;
  --rule: #2c3541; --one: #6ea3f7; --two: #b494ee; --gain: #4cc38a; --loss: #f2727d; --quiet: #78849a; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 15px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif; }
main { max-width: 1280px; margin: 0 auto; padding: 28px 24px 48px; display: grid; gap: 18px;
  grid-template-columns: repeat(2, minmax(0, 1fr)); }
header, .wide { grid-column: 1 / -1; }
h1 { margin: 0 0 12px; font-size: 25px; overflow-wrap: anywhere; }
h2 { margin: 0 0 10px; font-size: 16px; }
h2 small { margin-left: 10px; font-weight: 400; font-size: 13px; color: var(--soft); }
dl { display: flex; flex-wrap: wrap; gap: 6px 26px; margin: 0 0 18px; }
dt { font-size: 12px; color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; }
.tile, section { background: var(--card); border: 1px solid var(--rule); border-radius: 10px; }
.tile { padding: 12px 16px; } .tile span { display: block; font-size: 12px; color: var(--soft); }
.tile b { font-size: 21px; font-weight: 600; font-variant-numeric: tabular-nums; white-space: nowrap; }
section { padding: 16px 18px; min-width: 0; overflow-x: auto; }
svg { display: block; width: 100%; height: auto; }
text { font-size: 12px; fill: var(--soft); font-variant-numeric: tabular-nums; } text.value { fill: var(--ink); }
.grid { stroke: var(--rule); } .zero { stroke: var(--soft); } .cut { stroke: var(--soft); stroke-dasharray: 2 4; }
.line { fill: none; stroke-width: 1.6; stroke-linejoin: round; } .area { opacity: 0.18; }
.line.one { stroke: var(--one); } .area.one { fill: var(--one); } .line.two { stroke: var(--two); }
.area.two { fill: var(--two); } .line.bad { stroke: var(--loss); } .area.bad { fill: var(--loss); }
.line.quiet { stroke: var(--quiet); stroke-width: 1.1; }
.mark { stroke: var(--card); stroke-width: 0.6; } .mark.buy { fill: var(--gain); } .mark.sell { fill: var(--loss); }
.bar.gain { fill: var(--gain); } .bar.loss { fill: var(--loss); }
.key { margin-right: 12px; } .key::before { content: ""; display: inline-block; width: 10px; height: 10px;
  margin-right: 5px; border-radius: 2px; background: var(--quiet); }
.key.one::before { background: var(--one); } .key.two::before { background: var(--two); }
.key.buy::before { background: var(--gain); } .key.sell::before { background: var(--loss); }
table { width: 100%; border-collapse: collapse; font-size: 13.5px; margin-top: 8px;
  font-variant-numeric: tabular-nums; }
th { font-weight: 500; color: var(--soft); font-size: 12px; } th, td { padding: 4px 8px; text-align: right;
  border-bottom: 1px solid var(--rule); white-space: nowrap; }
th:first-child, td:first-child { text-align: left; padding-left: 0; } td.loss, b.loss { color: var(--loss); }
table[data-table="metrics"] :is(td, th):last-child { text-align: left; color: var(--soft); }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(350px, 1fr)); gap: 0 34px;
  align-items: start; }
.wide svg { max-width: 760px; } .bar.one { fill: var(--one); }
.mock { color: var(--loss); margin: 0 0 12px; }
.none { color: var(--soft); margin: 6px 0; }
@media (max-width: 860px) { main { grid-template-columns: minmax(0, 1fr); padding: 16px 12px; } }
@media print { section { break-inside: avoid; } }
"""
