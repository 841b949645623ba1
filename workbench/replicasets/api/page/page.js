// The door, GPUs, and the stream of changes that the list of sets follows.

import { forgetBuilds, heedBuilds } from "./build.js";
import { knowEngine, showDetails, whenChanged } from "./details.js";
import { TOKEN, at, failure, headers, pause, request, whenRefused } from "./elements.js";
import { forgetForm, heedResources, whenMade } from "./form.js";
import { dropAllBut, dropSet, goTo, heedCaller, setOf, setPublish, showSet, whenChosen } from "./sets.js";
import { closeTerminal } from "./terminal.js";

const AGAIN = 2000;
const TOGETHER = 300;
let shown = "";
let stream = null;
let timer = 0;

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
    heedCaller(quota);
    heedResources(gpus, quota);
    await showDetails(setOf(shown));
    const use = ports.ports;
    at("ports").hidden = use.EndPort < use.StartPort;
    at("ports").textContent = `Ports ${use.StartPort}–${use.EndPort}: ${Object.keys(use.UsedPortSet).length} used, ${use.AvailableCount} free`;
    showQuota(quota);
    at("new").hidden = quota.role === "read";
    await heedBuilds();
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
      setPublish((await request("/replicaSet?limit=1")).publish);
      const response = await fetch("api/v1/events", { headers: headers(), signal: mine.signal });
      if (!response.ok) throw failure(await response.json());
      await heed(response.body.pipeThrough(new TextDecoderStream()).getReader());
    } catch (error) {
      if (stream !== mine) return;
      complain(error);
    }
    await pause(AGAIN);
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
        dropAllBut(named);
        named = null;
      }
      if (kind) soon();
    }
  }
}

function start() {
  at("door").hidden = Boolean(sessionStorage.getItem(TOKEN));
  refresh();
  follow();
}

function forget() {
  sessionStorage.removeItem(TOKEN);
  at("door").hidden = false;
  at("room").hidden = at("forget").hidden = true;
  if (stream) stream.abort();
  stream = null;
  dropAllBut(new Set());
  forgetForm();
  forgetBuilds();
  closeTerminal();
  for (const each of document.querySelectorAll("dialog[open]")) each.close();
  showDetails(null);
}

async function choose(name) {
  shown = name;
  await refresh();
  at("past").scrollIntoView({ block: "nearest" });
}

whenRefused(forget);
whenChanged(refresh);
whenChosen(choose);
// The response may come before the stream has the set.
whenMade(async (name, focus) => {
  shown = name;
  for (let tries = 0; tries < 20 && !setOf(name); tries += 1) await pause(100);
  await refresh();
  if (focus) goTo(name);
});
at("door").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem(TOKEN, at("token").value.trim());
  at("token").value = "";
  at("message").textContent = "";
  start();
});
at("forget").addEventListener("click", forget);
// All scripts are here: until now a token that was typed in went nowhere.
at("message").textContent = "";
start();
