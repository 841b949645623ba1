// The list of sets: a row for each, those that are looked for.

import { at, button, cell, hostOf, keepingFocus, row } from "./elements.js";

// All sets by name, with their rows.
const sets = new Map();
let me = "";
let publish = "";
let choose = () => {};

export function whenChosen(act) { choose = act; }
export function setPublish(address) { publish = address; }
export const setOf = (name) => sets.get(name) ?? null;

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
  const details = button(set.name, `Details of ${set.name}`, async () => { await choose(set.name); });
  const ports = ["stopped", "exited", "gone"].includes(set.state) ? set.ports.map((port) => `${portText(port)} `) : links(set.ports);
  return row(cell(details), cell(String(set.version)), cell(state), cell(set.gpus.join(" ")), cell(...ports), cell(set.owner));
}

function isLookedFor(set) {
  const text = at("find").value.trim().toLowerCase();
  const mine = at("only").hidden || !at("mine").checked || set.owner === me;
  return mine && [set.name, set.owner, set.state, set.imageName].some((each) => each.toLowerCase().includes(text));
}

function count() {
  const shown = [...sets.values()].filter((each) => !each.element.hidden).length;
  const all = shown === 1 ? "1 set" : `${shown || "no"} sets`;
  const text = shown === sets.size ? all : `${shown} of ${sets.size} sets`;
  if (at("count").textContent !== text) at("count").textContent = text;
  at("list").hidden = !shown;
  at("list").classList.toggle("own", !at("only").hidden && at("mine").checked);
}

function find() {
  for (const each of sets.values()) each.element.hidden = !isLookedFor(each);
  count();
}

// Know who looks: its sets are its own, and who may only read has none.
export function heedCaller(quota) {
  if (me === quota.name) return;
  me = quota.name;
  at("only").hidden = quota.role !== "operate";
  find();
}

export function showSet(set) {
  const element = rowOf(set);
  element.hidden = !isLookedFor(set);
  const before = sets.get(set.name);
  sets.set(set.name, { ...set, element });
  if (before) {
    keepingFocus(at("sets"), () => before.element.replaceWith(element));
  } else {
    // In the order of their names, as the list is.
    const next = [...sets.values()].filter((each) => each.name > set.name).reduce((a, b) => (!a || b.name < a.name ? b : a), null);
    at("sets").insertBefore(element, next ? next.element : null);
  }
  count();
}

export function dropSet(name) {
  const before = sets.get(name);
  if (!before) return;
  // The focus of a keyboard does not go back to the beginning of the page.
  if (before.element.contains(document.activeElement)) at("find").focus();
  before.element.remove();
  sets.delete(name);
  count();
}

export function dropAllBut(names) {
  [...sets.keys()].filter((name) => !names.has(name)).forEach(dropSet);
}

// Have a set in sight, and the keyboard at its name.
export function goTo(name) {
  const found = sets.get(name);
  if (!found) return;
  if (found.element.hidden) { at("find").value = ""; find(); }
  found.element.querySelector("button").focus();
}

at("find").addEventListener("input", find);
at("mine").addEventListener("change", find);
