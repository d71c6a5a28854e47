"""How the page looks: a narrow column, tables with three rules that may be wider, light and dark,
paper."""

STYLE = """
:root {
  color-scheme: light dark;
  --paper: #fdfdfb; --ink: #1d1d1b; --soft: #5c5c57; --rule: #c9c8c0; --link: #1f4e79;
  --note: #f3f2ec; --alert: #9a3412;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #17181a; --ink: #e4e3de; --soft: #a3a29b; --rule: #45464a; --link: #9ec3e6;
    --note: #202225; --alert: #f0a27a;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0; background: var(--paper); color: var(--ink); overflow-wrap: break-word;
  font: 1.0625rem/1.55 "Iowan Old Style", Palatino, "Palatino Linotype", "Book Antiqua", Georgia,
    "Liberation Serif", serif;
}
main, header, footer { max-width: 46rem; margin: 0 auto; padding: 0 1.25rem; }
header { padding-top: 3rem; }
footer { padding: 2rem 1.25rem 3rem; color: var(--soft); font-size: .85rem; }
h1 { font-size: 1.75rem; line-height: 1.25; font-weight: 600; margin: 0 0 .75rem; }
h2 {
  font-size: 1.3rem; line-height: 1.3; font-weight: 600; margin: 3rem 0 .75rem;
  padding-top: .75rem; border-top: 1px solid var(--rule);
}
h3 { font-size: 1.05rem; font-weight: 600; margin: 2rem 0 .4rem; }
p, ul { margin: .6rem 0; }
ul { padding-left: 1.2rem; }
li { margin: .3rem 0; }
a { color: var(--link); text-underline-offset: .15em; }
code { font: .9em/1.5 ui-monospace, "SF Mono", Menlo, Consolas, "Liberation Mono", monospace; }
.formula { margin: .25rem 0; }
.status { margin: 1.25rem 0; padding: .1rem 0 .1rem 1rem; border-left: 3px solid var(--rule); }
.status.failed { border-color: var(--alert); }
.status.failed strong { color: var(--alert); }
nav { margin: 1.25rem 0 0; font-size: .95rem; }
nav ul { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; }
nav li { margin: 0; }
.none { color: var(--soft); font-size: .95rem; }
.none strong { font-weight: 600; }
.scroll { overflow-x: auto; margin: 1.1rem 0; max-width: 100%; }
.scroll:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
table {
  border-collapse: collapse; border-top: 1.5px solid var(--ink); font-size: .94rem;
  border-bottom: 1.5px solid var(--ink); font-variant-numeric: tabular-nums lining-nums;
}
caption {
  position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);
  white-space: nowrap;
}
thead th { border-bottom: 1px solid var(--ink); font-weight: 600; vertical-align: bottom; }
th, td { padding: .22rem .65rem; text-align: right; white-space: nowrap; line-height: 1.4; }
tbody th { font-weight: 400; }
th:first-child, tbody th { text-align: left; }
th:first-child { padding-left: 0; }
td:last-child, th:last-child { padding-right: 0; }
tbody tr:first-child > * { padding-top: .4rem; }
tbody tr:last-child > * { padding-bottom: .4rem; }
sup { font-size: .7em; line-height: 0; }
math { font-size: 1.06em; }
mi.bold { font-weight: 700; font-style: normal; }
.equation mtable { width: auto; }
.equation mtd { text-align: left; padding: .28em .2em; }
.equation mtable mtable mtd { text-align: center; padding: .1em .45em; }
figure { margin: 1.5rem 0; }
figure .scroll { margin: 0; }
figure svg { display: block; width: 100%; min-width: 26rem; max-width: 38rem; height: auto; }
figure svg * { stroke-linejoin: round; stroke-linecap: butt; }
figure svg text {
  font-family: system-ui, "Helvetica Neue", Arial, "Liberation Sans", sans-serif !important;
}
figcaption { color: var(--soft); font-size: .94rem; margin-top: .4rem; }
@media (min-width: 48rem) {
  .scroll:has(> table) { width: max-content; max-width: calc(50% + 50vw - 1.5rem); }
}
@media (max-width: 30rem) {
  body { font-size: 1rem; }
  header { padding-top: 1.75rem; }
  h1 { font-size: 1.45rem; }
  math { font-size: .95em; }
}
@media print {
  :root {
    --paper: #fff; --ink: #000; --soft: #444; --rule: #999; --link: #000; --alert: #000;
    color-scheme: light;
  }
  body { font-size: 10pt; }
  main, header, footer { max-width: none; padding-left: 0; padding-right: 0; }
  header { padding-top: 0; }
  nav { display: none; }
  .scroll { overflow: visible; }
  table { font-size: 8.5pt; }
  h2, h3 { break-after: avoid; }
  tr, figure, .status, .equation { break-inside: avoid; }
}
"""
