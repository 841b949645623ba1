// One set: what can be done with it, its versions, what it writes, and what changed between versions.

import { openThrough } from "./through.js";
import { at, button, cell, confirmed, failure, headers, hostOf, keepingFocus, request, row, toggle } from "./elements.js";
import { openForm } from "./form.js";
import { openPrune } from "./prune.js";
import { openTerminal } from "./terminal.js";
import { offerUpgrade } from "./upgrade.js";

const LINES = 500;
// Letters of the log that are kept: a browser with more becomes slow.
const KEPT = 200000;
const FILES = 200;
const ENDED = ["stopped", "exited", "gone"];
// Colours and moves of the cursor.
const CONTROL = /\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07]*(?:\x07|\x1b\\))/g;

let set = null;
// How the engine differs, as /resources/engine has it.
let engine = { cannot: [], afresh: "" };
let refresh = () => {};
let log = null;
let shownHistory = "";

export function whenChanged(act) { refresh = act; }
export function knowEngine(found) { engine = found; }

const path = (rest = "") => `/replicaSet/${encodeURIComponent(set.name)}${rest}`;
const act = (text, work) => button(text, `${text} ${set.name}`, work, refresh);

function asking(text, word, work) {
  return async () => (await confirmed(text, word)) && work();
}

function actions() {
  const { name, state, mayChange } = set;
  if (!mayChange) return [];
  const found = [];
  const disk = engine.afresh ? "Of its files those in volumes stay." : "Its disk stays.";
  const same = engine.afresh ? "of which only files in volumes are the same" : "with the same disk";
  const pauses = !engine.cannot.some((each) => each.what === "pause containers");
  const restart = () => request(path("/restart"), "PATCH");
  if (state === "running" && (engine.workbenches || set.ports.some((port) => port.protocol === "tcp"))) found.push(act("Open", open));
  if (ENDED.includes(state)) {
    found.push(act("Start", restart));
  } else {
    if (state === "paused") found.push(act("Continue", () => request(path("/continue"), "PATCH")));
    if (state === "running" && pauses) found.push(act("Pause", () => request(path("/pause"), "PATCH")));
    found.push(act("Stop", asking(`Stop ${name}? Its programs end, and its GPUs are free. ${disk}`, "Stop", () => request(path("/stop"), "PATCH"))));
    found.push(act("Restart", asking(`Restart ${name}? Its programs end, and begin anew in a new version ${same}.`, "Restart", restart)));
  }
  if (state === "running") found.push(act("Terminal", () => openTerminal(set)));
  found.push(act("Change", () => openForm(set)));
  found.push(act("Log", follow));
  found.push(act("Delete", asking(`Delete ${name}? All its versions go, and their disks, for good. Volumes stay.`, "Delete", () => request(path(), "DELETE"))));
  return found;
}

// A tab has to be opened by the click itself, before the address is known.
async function open() {
  if (engine.workbenches) return openThrough(path("/session"));
  const tab = window.open("", "_blank");
  if (tab) tab.opener = null;
  try {
    const found = await request(path("/address"));
    const query = found.token ? `?token=${encodeURIComponent(found.token)}` : "";
    const address = `http://${hostOf(found.host)}:${found.port}${found.path}${query}`;
    if (tab) tab.location.replace(address); else location.assign(address);
  } catch (error) {
    if (tab) tab.close();
    throw error;
  }
}

// Show what it wrote, and what it writes until something else is shown.
async function follow() {
  stopLog();
  const mine = new AbortController();
  log = mine;
  const output = at("log");
  output.textContent = "";
  output.hidden = false;
  const query = new URLSearchParams({ tail: LINES, follow: set.state === "running", stream: true });
  const response = await fetch(`api/v1${path("/logs")}?${query}`, { headers: headers(), signal: mine.signal });
  if (!response.ok) throw failure(await response.json());
  read(response.body.pipeThrough(new TextDecoderStream()).getReader(), output, mine);
}

async function read(reader, output, mine) {
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const lines = (rest + value).split("\n");
      rest = lines.pop();
      for (const line of lines) {
        const { text, msg } = JSON.parse(line);
        const bottom = output.scrollTop + output.clientHeight >= output.scrollHeight - 4;
        output.textContent = written(output.textContent, text ?? (msg ? `\n${msg}\n` : ""));
        if (bottom) output.scrollTop = output.scrollHeight;
      }
    }
  } catch (error) {
    if (log === mine) output.textContent += `\n${error.message}\n`;
  }
}

// A line that is written over, such as a progress bar, is shown as it is last.
function written(before, text) {
  const whole = before + text.replace(CONTROL, "").replaceAll("\r\n", "\n");
  return whole.replace(/[^\n]*\r(?=[^\n])/g, "").slice(-KEPT);
}

function stopLog() {
  if (log) log.abort();
  log = null;
  at("log").hidden = true;
}

async function compare(version, origin) {
  const from = origin && origin < version ? origin : version - 1;
  const query = new URLSearchParams({ from, to: version, limit: FILES });
  const found = await request(`${path("/compare")}?${query}`);
  const packages = found.packages.map((each) => `${each.change} ${each.kind} ${each.name} ${[each.before, each.after].filter(Boolean).join(" -> ")}`);
  const files = found.files.map((each) => `${each.change} ${each.path}`);
  const total = found.added + found.changed + found.removed;
  const more = total > files.length ? [`and ${total - files.length} more`] : [];
  const sum = `From version ${from} to ${version}: ${found.added} added, ${found.changed} changed, ${found.removed} removed`;
  at("changes").textContent = [sum, ...found.notes, ...packages, ...files, ...more].join("\n");
  at("changes").hidden = false;
}

function made({ imageName, memory, cpus, shmSize, restart }) {
  const limits = [memory && `${memory} of memory`, cpus && `${cpus} CPUs`, shmSize && `${shmSize} in /dev/shm`];
  return [imageName, ...limits, restart !== "no" && `started again: ${restart}`].filter(Boolean).join(", ");
}

function time(text) {
  const element = document.createElement("time");
  element.dateTime = element.title = text;
  element.textContent = new Date(text).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
  return element;
}

function versionRow(each) {
  const { version, status } = each;
  const back = () => request(path("/rollback"), "PATCH", { version });
  const question = `Roll ${set.name} back to version ${version}? The programs of version ${set.version} end; it stays in the history.`;
  const can = set.mayChange && version !== set.version;
  const buttons = [
    ...(version === set.version ? ["current "] : []),
    ...(can ? [button("Roll back", `Roll back to ${version}`, asking(question, "Roll back", back), refresh)] : []),
    ...(set.mayChange && version > 1 ? [button("What changed", `What changed in ${version}`, () => compare(version, status.origin))] : []),
  ];
  const from = status.origin ? String(status.origin) : "image";
  return row(cell(String(version)), cell(...buttons), cell(time(each.createTime)), cell(status.gpus.join(" ")), cell(from), cell(status.notes.join("\n")));
}

// Show a set, or go on showing it as it is now; null shows none.
export async function showDetails(now) {
  if (!now || !set || now.name !== set.name) {
    stopLog();
    at("changes").hidden = true;
    shownHistory = "";
  }
  set = now;
  at("past").hidden = !set;
  if (!set) return;
  const name = set.name;
  const { Info } = set.ending ? await request(path()) : { Info: { lastLines: [], problem: set.problem } };
  const { history } = await request(path("/history?limit=50"));
  if (!set || set.name !== name) return; // another one was chosen meanwhile
  const last = [Info.problem, ...Info.lastLines].filter(Boolean);
  at("last").hidden = !last.length;
  at("last").textContent = last.join("\n");
  at("whose").textContent = name;
  at("what").textContent = made(set);
  // What did not change stays as it is, under the finger that taps on it too.
  const text = JSON.stringify([history, set.version, set.state, set.mayChange, set.ports]);
  if (text === shownHistory || document.querySelector("#past [aria-busy]")) return;
  shownHistory = text;
  keepingFocus(at("past"), () => {
    at("actions").replaceChildren(...actions());
    at("versions").replaceChildren(...history.map(versionRow));
    toggle(at("prune-it"), set.mayChange && history.length > 1);
  });
  offerUpgrade(set, refresh);
}

at("prune-it").addEventListener("click", () => openPrune(set, refresh));
