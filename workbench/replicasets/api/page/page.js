// The door, GPUs, and the list of all sets, which follows a stream of changes.

import { knowEngine, showDetails, whenChanged } from "./details.js";
import { TOKEN, at, button, cell, failure, headers, hostOf, keepingFocus, request, row, whenRefused } from "./elements.js";

const AGAIN = 2000;
const TOGETHER = 300;
// All sets by name with their rows, the address of their ports, and the stream that they come from.
const sets = new Map();
let shown = "";
let publish = "";
let stream = null;
let timer = 0;

function portText(port) {
  return port.host ? `${port.container} → ${port.host}` : `${port.container}${port.protocol === "tcp" ? "" : `/${port.protocol}`}`;
}

function links(ports) {
  return ports.flatMap((port) => {
    if (!port.host) return [`${portText(port)} `];
    if (port.protocol !== "tcp") return [`${port.container}/${port.protocol} → ${port.host} `];
    const link = document.createElement("a");
    link.href = `http://${hostOf(publish)}:${port.host}/`;
    link.target = "_blank";
    link.rel = "noopener noreferrer";
    link.textContent = `${port.container} → ${port.host}`;
    return [link, " "];
  });
}

function rowOf(set) {
  const state = document.createElement("span");
  state.className = set.state;
  const code = set.ending && ["exited", "restarting"].includes(set.state) ? set.ending.exitCode : null;
  const now = code === null ? set.state : `${set.state} (${[code, set.ending.reason].filter(String).join(" ")})`;
  state.title = set.problem;
  state.textContent = set.operation ? `${now} (${set.operation})` : now + (set.problem ? " !" : "");
  const details = button(set.name, `Details of ${set.name}`, async () => { shown = set.name; }, refresh);
  const ports = ["stopped", "exited", "gone"].includes(set.state) ? set.ports.map((port) => `${portText(port)} `) : links(set.ports);
  return row(cell(details), cell(String(set.version)), cell(state), cell(set.gpus.join(" ")), cell(...ports), cell(set.owner));
}

function showSet(set) {
  const element = rowOf(set);
  const before = sets.get(set.name);
  sets.set(set.name, { ...set, element });
  if (before) { keepingFocus(at("sets"), () => before.element.replaceWith(element)); return; }
  // In the order of their names, as the list is.
  const next = [...sets.values()].filter((each) => each.name > set.name).reduce((a, b) => (!a || b.name < a.name ? b : a), null);
  at("sets").insertBefore(element, next ? next.element : null);
}

function dropSet(name) {
  const before = sets.get(name);
  if (before) before.element.remove();
  sets.delete(name);
}

function showGpus(found) {
  at("gpus").replaceChildren(...Object.entries(found.gpus).map(([name, used]) => {
    const element = document.createElement("li");
    element.className = used ? "used" : "free";
    element.textContent = used ? `${name}: ${found.holders[name]}` : `${name}: free`;
    return element;
  }));
}

function showQuota(found) {
  const words = { sets: "sets", gpus: "GPUs", memory: "MB of memory", volumes: "volumes", disk: "MB in volumes" };
  const amount = (what, number) => (["memory", "disk"].includes(what) ? Math.round(number / 1048576) : number);
  const limited = Object.keys(words).filter((what) => found.limits[what] !== null);
  const parts = limited.map((what) => `${amount(what, found.used[what])} of ${amount(what, found.limits[what])} ${words[what]}`);
  at("quota").textContent = `${found.name} may ${found.role}${parts.length ? `: ${parts.join(", ")}` : ""}`;
}

function showEngine(found) {
  const texts = found.cannot.map(({ what, why }) => (why ? `${what}: ${why}` : what));
  at("engine").hidden = !texts.length;
  at("lacks").replaceChildren(...[...texts, ...(found.afresh ? [`a next version: ${found.afresh}`] : [])].map((text) => {
    const element = document.createElement("li");
    element.textContent = text;
    return element;
  }));
}

// What is not in the stream: GPUs, ports, the quota, the history that is shown. Sets change all of them.
async function refresh() {
  clearTimeout(timer);
  if (!sessionStorage.getItem(TOKEN)) return;
  try {
    const [gpus, ports, quota, engine] = await Promise.all(["gpus", "ports", "quota", "engine"].map((what) => request(`/resources/${what}`)));
    knowEngine(engine);
    showEngine(engine);
    showGpus(gpus);
    await showDetails(sets.get(shown) ?? null);
    const use = ports.ports;
    at("ports").hidden = use.EndPort < use.StartPort;
    at("ports").textContent = `Ports ${use.StartPort}–${use.EndPort}: ${Object.keys(use.UsedPortSet).length} used, ${use.AvailableCount} free`;
    showQuota(quota);
    at("door").hidden = true;
    at("room").hidden = at("forget").hidden = false;
    if (at("message").dataset.kind === "refresh") at("message").textContent = "";
  } catch (error) {
    complain(error);
  }
}

function complain(error) {
  at("message").dataset.kind = "refresh";
  at("message").textContent = error.message;
}

function soon() {
  clearTimeout(timer);
  timer = setTimeout(refresh, TOGETHER);
}

// EventSource sends no token: the stream is read by fetch.
async function follow() {
  const mine = new AbortController();
  if (stream) stream.abort();
  stream = mine;
  while (stream === mine && sessionStorage.getItem(TOKEN)) {
    try {
      publish = (await request("/replicaSet?limit=1")).publish;
      const response = await fetch("api/v1/events", { headers: headers(), signal: mine.signal });
      if (!response.ok) throw failure(await response.json());
      await heed(response.body.pipeThrough(new TextDecoderStream()).getReader());
    } catch (error) {
      if (stream !== mine) return;
      complain(error);
    }
    await new Promise((resolve) => { setTimeout(resolve, AGAIN); });
  }
}

async function heed(reader) {
  let rest = "";
  // Until `sync` the stream names all that there is: what it did not name is gone.
  let named = new Set();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n\n");
    rest = parts.pop();
    for (const part of parts) {
      const [, kind, data] = part.match(/^event: (.+)\ndata: (.*)$/) || [];
      if (kind === "set") {
        const set = JSON.parse(data);
        showSet(set);
        if (named) named.add(set.name);
      } else if (kind === "set-deleted") {
        dropSet(JSON.parse(data).name);
      } else if (kind === "sync") {
        [...sets.keys()].filter((name) => !named.has(name)).forEach(dropSet);
        named = null;
      }
      if (kind) soon();
    }
  }
}

function start() {
  refresh();
  follow();
}

function forget() {
  sessionStorage.removeItem(TOKEN);
  at("door").hidden = false;
  at("room").hidden = at("forget").hidden = true;
  if (stream) stream.abort();
  stream = null;
  [...sets.keys()].forEach(dropSet);
  showDetails(null);
}

whenRefused(forget);
whenChanged(refresh);
at("door").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem(TOKEN, at("token").value.trim());
  at("token").value = "";
  at("message").textContent = "";
  start();
});
at("forget").addEventListener("click", forget);
start();
