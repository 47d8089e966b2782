// Keeps a page current. Everything here is an addition: without it the page is complete, only still.
const lamp = document.querySelector(".live");
const lit = (on) => {
  if (!lamp) return;
  lamp.classList.toggle("on", on);
  lamp.textContent = on ? "live" : "connecting …";
};

function ages() {
  const now = Date.now() / 1000;
  for (const cell of document.querySelectorAll("time[data-at]")) {
    const text = span(Math.max(0, now - Number(cell.dataset.at))) + (cell.dataset.running ? "" : " ago");
    if (cell.textContent !== text) cell.textContent = text;
  }
}

function span(seconds) {
  const s = Math.floor(seconds);
  if (s < 60) return `${s}s`;
  if (s < 3600) return `${Math.floor(s / 60)}m ${s % 60}s`;
  if (s < 172800) return `${Math.floor(s / 3600)}h ${Math.floor((s % 3600) / 60)}m`;
  return `${Math.floor(s / 86400)}d`;
}

function jobs(body) {
  const source = new EventSource(`/events${location.search}`);
  source.onopen = () => lit(true);
  source.onerror = () => lit(false);
  source.addEventListener("row", (event) => {
    const { name, html, shown, counts } = JSON.parse(event.data);
    const old = document.getElementById(`job-${name}`);
    document.querySelector(".counts").outerHTML = counts;
    if (!shown) { old?.remove(); return; }
    const template = document.createElement("template");
    template.innerHTML = html;
    const row = template.content.firstElementChild;
    row.classList.add("new");
    document.querySelector("tr.nothing")?.remove();
    if (old) old.replaceWith(row); else body.prepend(row);
    while (body.rows.length > 500) body.deleteRow(-1);
    ages();
  });
  source.addEventListener("reload", () => location.reload());
}

function log(pre) {
  const follow = document.getElementById("follow");
  const bottom = () => { if (follow.checked) pre.scrollTop = pre.scrollHeight; };
  pre.addEventListener("wheel", (event) => { if (event.deltaY < 0) follow.checked = false; }, { passive: true });
  follow.addEventListener("change", bottom);
  bottom();
  const source = new EventSource(pre.dataset.follow);
  source.onopen = () => lit(true);
  source.onerror = () => lit(false);
  source.addEventListener("text", (event) => {
    const { html } = JSON.parse(event.data);
    pre.insertAdjacentHTML("beforeend", html);
    bottom();
  });
  source.addEventListener("head", (event) => { document.getElementById("head").outerHTML = JSON.parse(event.data).html; ages(); });
  source.addEventListener("done", () => { source.close(); lit(true); });
}

const body = document.querySelector("table.jobs tbody");
const pre = document.querySelector("pre.log[data-follow]");
if (body) jobs(body);
if (pre) log(pre); else if (!body && lamp) lamp.remove();
for (const field of document.querySelectorAll("form.filters select")) field.addEventListener("change", () => field.form.requestSubmit());
document.addEventListener("submit", (event) => {
  const question = event.target.dataset.ask;
  if (question && !window.confirm(question)) event.preventDefault();
  else for (const field of event.target.elements) if (event.target.method === "get" && field.name && !field.value) field.disabled = true;
});
ages();
setInterval(ages, 1000);
