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

// A page of parts: elements with ids. A part is replaced where it differs; one with data-keyed is gone through part by part.
function parts(container) {
  const source = new EventSource(container.dataset.live + ("query" in container.dataset ? location.search : ""));
  source.onopen = () => lit(true);
  source.onerror = () => lit(false);
  source.addEventListener("parts", (event) => {
    const template = document.createElement("template");
    template.innerHTML = JSON.parse(event.data).html;
    merge(container, template.content);
    copyButtons();
    ages();
  });
}

function merge(old, fresh) {
  const known = new Map([...old.children].map((child) => [child.id, child]));
  const wanted = [...fresh.children].map((next) => {
    const kept = known.get(next.id);
    known.delete(next.id);
    if (kept && face(kept) === face(next)) return kept;
    if (kept && "keyed" in kept.dataset && "keyed" in next.dataset) { merge(kept, next); return kept; }
    next.classList.add("new");
    if (kept) replace(kept, next);
    return next;
  });
  for (const gone of known.values()) gone.remove();
  wanted.forEach((node, place) => { if (old.children[place] !== node) old.insertBefore(node, old.children[place] ?? null); });
}

// What people did to the part stays: an opened fold, the link that has the focus.
function replace(kept, next) {
  if (kept.open) next.open = true;
  const link = kept.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
  kept.replaceWith(next);
  if (link) next.querySelector(`a[href="${CSS.escape(link)}"]`)?.focus();
}

// The part as the server made it, without what was added here and without the words of times, which pass by themselves.
function face(part) {
  const copy = part.cloneNode(true);
  for (const node of [copy, ...copy.querySelectorAll(".new, details[open]")]) {
    node.removeAttribute("open");
    node.classList.remove("new");
    if (!node.className) node.removeAttribute("class");
  }
  for (const button of copy.querySelectorAll("button.copies")) button.remove();
  for (const time of copy.querySelectorAll("time[data-at]")) time.textContent = "";
  return copy.outerHTML;
}

function copyButtons() {
  if (!navigator.clipboard) return;
  for (const code of document.querySelectorAll("code.copy")) {
    if (code.nextElementSibling?.matches("button.copies")) continue;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copies";
    button.textContent = "copy";
    button.setAttribute("aria-label", `Copy ${code.textContent}`);
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(code.textContent);
      button.textContent = "copied";
      setTimeout(() => { button.textContent = "copy"; }, 1500);
    });
    code.after(button);
  }
}

const body = document.querySelector("table[data-rows] tbody");
const pre = document.querySelector("pre.log[data-follow]");
const living = document.querySelector("[data-live]");
if (body) jobs(body);
if (pre) log(pre);
if (living) parts(living);
if (!body && !pre && !living) lamp?.remove();
for (const field of document.querySelectorAll("form.filters select")) field.addEventListener("change", () => field.form.requestSubmit());
document.addEventListener("submit", (event) => {
  const question = event.target.dataset.ask;
  if (question && !window.confirm(question)) event.preventDefault();
  else for (const field of event.target.elements) if (event.target.method === "get" && field.name && !field.value) field.disabled = true;
});
copyButtons();
ages();
setInterval(ages, 1000);
