// What a set can have: images, volumes, and how much of the machine is free, with the reason why not more.

import { at, request } from "./elements.js";

const OTHER = "another";
let shownImages = "";

export function why(field, text) {
  const element = document.querySelector(`[data-field="${field}"] .why`);
  // A screen reader reads what changes: nothing changes here unless it has to.
  if (element.textContent !== text) element.textContent = text;
}

// The name of the image that is chosen or typed in, "" for none.
export function image() {
  return (at("image").value === OTHER ? at("other-image").value : at("image").value).trim();
}

// Choose an image by its name; one that is not in the list is typed in.
export function chooseImage(name) {
  at("image").value = name;
  if (at("image").value !== name) {
    at("image").value = OTHER;
    at("other-image").value = name;
  }
  showOther();
}

export function forgetImage() {
  at("image").value = "";
  showOther();
}

function showOther() { at("other-image").hidden = at("image").value !== OTHER; }

function option(value, text) {
  const element = document.createElement("option");
  element.value = value;
  element.textContent = text;
  return element;
}

function group(label, images, shorter) {
  const element = document.createElement("optgroup");
  element.label = label;
  element.append(...images.map((each) => option(each.name, shorter(each.name))));
  return element;
}

function showImages(images, me) {
  const text = JSON.stringify(images);
  if (text === shownImages) return;
  shownImages = text;
  const chosen = at("image").value;
  const released = images.filter((each) => each.released);
  const own = images.filter((each) => !each.released && each.owner === me);
  const others = images.filter((each) => !each.released && each.owner !== me);
  const groups = [
    ["Of releases", released, (name) => name.slice(name.lastIndexOf("/") + 1).replace(/^[^:]*:/, "")],
    ["Yours", own, (name) => name.slice(name.lastIndexOf("/") + 1)],
    ["Others of this machine", others, (name) => name.replace(/^localhost\//, "")],
  ].filter(([, found]) => found.length).map(([label, found, shorter]) => group(label, found, shorter));
  at("image").replaceChildren(option("", "Choose an image"), ...groups, option(OTHER, "Another name…"));
  at("image").value = chosen;
  if (at("image").selectedIndex < 0) at("image").value = "";
  why("imageName", images.length ? "" : "This machine has no image that you may use yet: build one, or type the name of one.");
  showOther();
}

const size = (bytes) => `${Math.floor(Math.max(bytes, 0) / 1073741824 * 10) / 10} GB`;

// How many GPUs are free, and who has the others; `set` is the one that is changed, null for a new one.
export function showGpuChoice(found, quota, set) {
  const names = Object.keys(found.gpus);
  if (!names.length) { why("gpuCount", "This machine has no GPUs that the service can give."); return; }
  const holders = names.map((name) => found.holders[name]).filter(Boolean);
  const own = holders.filter((name) => set && name === set.name).length;
  const others = [...new Set(holders.filter((name) => !set || name !== set.name))].sort();
  const free = names.length - holders.length;
  const parts = [own ? `${free} of ${names.length} are free, beside the ${own} that it has` : `${free} of ${names.length} are free`];
  if (others.length) parts.push(`${others.slice(0, 5).join(", ")}${others.length > 5 ? ` and ${others.length - 5} more` : ""} ${others.length > 1 ? "have" : "has"} the others`);
  const most = quota.limits.gpus;
  if (most !== null) parts.push(`you have ${quota.used.gpus} of the ${most} that you may have`);
  why("gpuCount", `${parts.join("; ")}.`);
}

function showShares(memory, cpus, quota) {
  const free = `Such as 8GB: ${size(memory.total - memory.used)} of ${size(memory.total)} are free`;
  const most = quota.limits.memory;
  why("memory", most === null ? `${free}.` : `${free}; you have ${size(quota.used.memory)} of the ${size(most)} that you may have.`);
  why("cpus", `${Math.round((cpus.total - cpus.used) * 100) / 100} of ${cpus.total} are free.`);
}

// Look at all of it; what cannot be looked at is named beside its field, and can be typed in.
export async function showChoices() {
  const [images, volumes, memory, cpus, quota] = await Promise.allSettled(
    ["/resources/images", "/volumes", "/resources/memory", "/resources/cpus", "/resources/quota"].map((path) => request(path)),
  );
  if (quota.status === "rejected") throw quota.reason;
  if (images.status === "fulfilled") {
    showImages(images.value.images, quota.value.name);
  } else {
    showImages([], "");
    why("imageName", images.reason.message);
  }
  if (volumes.status === "fulfilled") {
    const own = volumes.value.volumes.filter((each) => each.mayChange);
    at("volumes").replaceChildren(...own.map((each) => option(each.name, each.size || "no limit")));
    why("binds", own.length ? `Your volumes: ${own.map((each) => each.name).join(", ")}.` : "You have no volumes yet; folders of the machine begin with /.");
  }
  if (memory.status === "fulfilled" && cpus.status === "fulfilled") showShares(memory.value.memory, cpus.value.cpus, quota.value);
}

at("image").addEventListener("change", () => {
  showOther();
  if (!at("other-image").hidden) at("other-image").focus();
});
