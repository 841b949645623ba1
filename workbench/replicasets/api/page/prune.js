// Removing a set's oldest versions: how many stay, what that frees, and doing it.

import { at, pause, request, show } from "./elements.js";

const TYPING = 300;
const dialog = at("prune");
let set = null;
let looks = 0;
let whenDone = () => {};

const path = () => `/replicaSet/${encodeURIComponent(set.name)}/prune`;

export async function openPrune(now, done) {
  [set, whenDone] = [now, done];
  at("prune-title").textContent = `Remove old versions of ${set.name}`;
  at("prune-keep").value = Math.max(1, Math.min(5, set.version - 1));
  dialog.showModal();
  at("prune-keep").focus();
  await look();
}

function size(bytes) {
  const units = ["bytes", "KB", "MB", "GB", "TB"];
  let unit = 0;
  let left = bytes;
  while (left >= 1024 && unit < units.length - 1) { left /= 1024; unit += 1; }
  return `${unit ? left.toFixed(1) : left} ${units[unit]}`;
}

const named = (numbers) => numbers.slice().sort((a, b) => a - b).map((each) => `version ${each}`).join(", ");

// Say what would go. The button that does it is there only when something would.
async function look() {
  looks += 1;
  const mine = looks;
  at("prune-do").hidden = true;
  const keep = at("prune-keep").valueAsNumber;
  if (!(Number.isInteger(keep) && keep > 0)) { at("prune-what").textContent = "At least 1 stays: the current version is never removed."; return; }
  at("prune-what").textContent = "looking…";
  await pause(TYPING);
  if (mine !== looks) return;
  try {
    const found = await request(path(), "POST", { keep, dryRun: true });
    if (mine !== looks) return;
    const gone = found.versions.map((each) => each.version);
    const kept = found.kept.length ? ` Others stand on the disk of ${named(found.kept)}: that stays.` : "";
    at("prune-what").textContent = gone.length
      ? `Removed for good, with all that is on the disk: ${named(gone)}. Nobody can roll back to that any more. At least ${size(found.bytes)} will be free.${kept}`
      : `There is nothing to remove.${kept}`;
    at("prune-do").hidden = !gone.length;
  } catch (error) {
    if (mine === looks) at("prune-what").textContent = error.message;
  }
}

async function prune() {
  if (dialog.ariaBusy || at("prune-do").hidden) return;
  dialog.ariaBusy = "true";
  try {
    const done = await request(path(), "POST", { keep: at("prune-keep").valueAsNumber });
    dialog.close();
    show(`Removed from ${set.name}: ${named(done.versions.map((each) => each.version))}. At least ${size(done.bytes)} are free by that.`, "done");
  } catch (error) {
    at("prune-what").textContent = error.message;
    if (!dialog.open) show(error.message);
  } finally {
    dialog.ariaBusy = null;
  }
  await whenDone();
}

at("prune-keep").addEventListener("input", look);
at("prune-form").addEventListener("submit", (event) => {
  event.preventDefault();
  prune();
});
at("prune-close").addEventListener("click", () => dialog.close());
dialog.addEventListener("close", () => (at("prune-it").hidden ? at("whose") : at("prune-it")).focus());
