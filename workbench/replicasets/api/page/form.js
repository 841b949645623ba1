// The form for a new set, and for a change of one. What was typed stays until the service has done it.

import { binds, forgetBinds } from "./binds.js";
import { chooseImage, forgetImage, image, showChoices, showGpuChoice } from "./choices.js";
import { at, confirmed, request, show } from "./elements.js";
import { followSteps, forgetSteps } from "./progress.js";

// The set that is changed, null for a new one; what it had; and what had the focus before.
let changed = null;
let before = {};
let opener = null;
let resources = null;
let whenDone = () => {};

export function whenMade(act) { whenDone = act; }

const field = (name) => document.querySelector(`[data-field="${name}"]`);

// What of a field is to be mended: of several parts the first that is empty.
function control(name) {
  const parts = [...field(name).querySelectorAll("input, select, textarea, button")].filter((each) => !each.hidden);
  return parts.find((each) => each.matches("input") && !each.value) ?? parts.find((each) => each.matches("input")) ?? parts[0];
}

const words = (text) => text.split(/[\s,]+/).filter(Boolean);

// Every field as the service reads it. A field with what is no number is given as it is: the service says so.
function written() {
  const number = (id) => (at(id).validity.badInput ? "?" : Number(at(id).value));
  return {
    gpuCount: number("gpu-count"),
    memory: at("memory").value.trim(),
    cpus: number("cpus"),
    containerPorts: words(at("ports-inside").value),
    restart: at("restart").value,
    shmSize: at("shm-size").value.trim(),
  };
}

function made() {
  return {
    replicaSetName: at("name").value.trim(),
    imageName: image(),
    ...written(),
    binds: binds(),
    env: at("env").value.split("\n").map((each) => each.trim()).filter(Boolean),
  };
}

function patch() {
  const now = written();
  const patches = {
    gpuCount: ["gpuPatch", "gpuCount"],
    memory: ["memoryPatch", "memory"],
    cpus: ["cpuPatch", "cpuCount"],
    containerPorts: ["portPatch", "containerPorts"],
    restart: ["restartPatch", "restart"],
    shmSize: ["shmPatch", "size"],
  };
  const names = Object.keys(patches).filter((name) => String(now[name]) !== String(before[name]));
  return Object.fromEntries(names.map((name) => [patches[name][0], { [patches[name][1]]: now[name] }]));
}

function fill(set) {
  at("gpu-count").value = set.gpus.length;
  at("memory").value = set.memory;
  at("cpus").value = set.cpus || "";
  at("ports-inside").value = set.ports.map((port) => (port.protocol === "tcp" ? port.container : `${port.container}/${port.protocol}`)).join(" ");
  at("restart").value = set.restart;
  at("shm-size").value = set.shmSize;
  before = written();
}

function forget() {
  at("form").reset();
  forgetImage();
  forgetBinds();
  at("ports-inside").value = "8888";
}

function clear() {
  at("form-wrong").hidden = true;
  for (const each of document.querySelectorAll("#form .fields .wrong")) each.remove();
  for (const each of document.querySelectorAll("#form [aria-invalid]")) each.removeAttribute("aria-invalid");
  for (const each of document.querySelectorAll("#form [data-field]")) describe(each.dataset.field);
}

// Say what is wrong beside its field, or above the buttons where the service named none that is shown.
function complain(error) {
  const place = error.field ? field(error.field) : null;
  if (!place || place.hidden) {
    at("form-wrong").textContent = error.message;
    at("form-wrong").hidden = false;
    at("submit").focus();
    return;
  }
  const element = document.createElement("p");
  element.className = "wrong";
  element.id = `${error.field}-wrong`;
  element.textContent = error.message;
  place.append(element);
  control(error.field).setAttribute("aria-invalid", "true");
  describe(error.field);
  control(error.field).focus();
}

// Have a screen reader read what stands beside a field with the field.
function describe(name) {
  const texts = [...field(name).querySelectorAll(".wrong, .why")];
  texts.forEach((each) => { each.id ||= `${name}-why`; });
  for (const each of field(name).querySelectorAll("input, select, textarea")) {
    each.setAttribute("aria-describedby", texts.map((text) => text.id).join(" "));
  }
}

// GPUs and quota as they were last looked at.
export function heedResources(gpus, quota) {
  resources = [gpus, quota];
  if (!at("form").hidden) showGpuChoice(gpus, quota, changed);
}

// Open the form for a new set, of the image `name` where one is given, or for a change of `set`.
export async function openForm(set = null, name = "") {
  const busy = at("form").ariaBusy;
  if (!busy && (changed?.name !== set?.name || set)) {
    clear();
    if (set) fill(set); else forget();
    changed = set;
  }
  opener = document.activeElement;
  at("form-title").textContent = changed ? `Change ${changed.name}` : "New set";
  at("submit").textContent = changed ? "Change" : "Create";
  for (const each of document.querySelectorAll("#form [data-new]")) each.hidden = Boolean(changed);
  at("form").hidden = false;
  at("new").setAttribute("aria-expanded", "true");
  if (resources) heedResources(...resources);
  at("form").scrollIntoView({ block: "nearest" });
  // Before the focus: whoever types at once has it.
  if (name && !busy) chooseImage(name);
  control(changed ? "gpuCount" : "replicaSetName").focus();
  await showChoices();
  // It was typed in for as long as it was in no list.
  if (name && image() === name) chooseImage(name);
}

export function closeForm() {
  if (at("form").hidden) return;
  at("form").hidden = true;
  at("new").setAttribute("aria-expanded", "false");
  (opener?.isConnected ? opener : at("new")).focus();
}

// Forget what was typed, and whose it was.
export function forgetForm() {
  at("form").hidden = true;
  at("new").setAttribute("aria-expanded", "false");
  changed = resources = null;
  forget();
  clear();
}

async function send() {
  const set = changed;
  const body = set ? patch() : made();
  const path = set ? `/replicaSet/${encodeURIComponent(set.name)}` : "/replicaSet";
  if (set && !Object.keys(body).length) throw new Error("Nothing is changed yet.");
  const anew = ["gpuPatch", "portPatch", "shmPatch"].some((each) => each in body);
  const question = set && `Change ${set.name}? Its programs end, and begin anew in version ${set.version + 1} with the same disk.`;
  if (set && anew && set.state === "running" && !(await confirmed(question, "Change"))) return;
  const name = set ? set.name : body.replicaSetName;
  at("progress").textContent = set ? "changing…" : "creating…";
  const work = request(path, set ? "PATCH" : "POST", body);
  if (name) followSteps(name, work, at("bar"), at("progress"));
  const answer = await work;
  const notes = answer?.notes ?? [];
  const wasOpen = !at("form").hidden;
  if (!set) forget();
  changed = null;
  at("form").hidden = true;
  at("new").setAttribute("aria-expanded", "false");
  show([set ? `${name} is changed.` : `${name} runs.`, ...notes].join(" "), "done");
  await whenDone(name, wasOpen);
}

at("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  if (at("form").ariaBusy) return;
  clear();
  at("form").ariaBusy = at("submit").ariaBusy = "true";
  try {
    await send();
  } catch (error) {
    if (at("form").hidden) at("form").hidden = false;
    complain(error);
    showChoices().catch(() => {});
  } finally {
    at("form").ariaBusy = at("submit").ariaBusy = null;
    forgetSteps(at("bar"), at("progress"));
  }
});
at("new").addEventListener("click", () => { openForm().catch(complain); });
at("close-form").addEventListener("click", closeForm);
forget();
for (const each of document.querySelectorAll("#form [data-field]")) describe(each.dataset.field);
