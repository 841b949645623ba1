// A newer image for a set: that there is one, what would become of what was changed in the set, and doing it.

import { at, request, show, toggle } from "./elements.js";
import { followSteps, forgetSteps } from "./progress.js";

const SHOWN = 200;
const dialog = at("upgrade");
// The set that the dialog is about, the image it would get, and whether what both changed has to be decided.
let set = null;
let image = "";
let asks = false;
let looks = 0;
let whenDone = () => {};

const path = () => `/replicaSet/${encodeURIComponent(set.name)}/upgrade`;

// The image's name without what all images of the recipe share.
const date = (name) => name.slice(name.lastIndexOf("_") + 1);

// Offer the newer image of a set quietly, where there is one.
export async function offerUpgrade(now, done) {
  looks += 1;
  const mine = looks;
  if (!now?.mayChange) { toggle(at("newer"), false); return; }
  const found = await request(`/replicaSet/${encodeURIComponent(now.name)}/newer`).catch(() => ({ imageName: "" }));
  if (mine !== looks) return; // another set is shown, or this one changed
  toggle(at("newer"), Boolean(found.imageName));
  at("newer-image").textContent = found.imageName ? `There is a newer image, of ${day(date(found.imageName))}.` : "";
  at("newer-image").title = found.imageName;
  at("upgrade-it").setAttribute("aria-label", `Upgrade ${now.name}`);
  at("upgrade-it").onclick = () => open(now, found.imageName, done);
}

function day(text) {
  const [, year, month, number] = text.match(/^(\d{4})(\d\d)(\d\d)$/) ?? [];
  return year ? `${year}-${month}-${number}` : text;
}

async function open(now, name, done) {
  if (dialog.open) return;
  if (!at("upgrade").ariaBusy) {
    [set, image, asks, whenDone] = [now, name, false, done];
    at("upgrade-title").textContent = `Upgrade ${set.name}`;
    at("upgrade-what").textContent = `From ${set.imageName} to ${image}, with all that was changed in the set. ${
      set.state === "running" ? "Its programs end, and begin anew" : "It begins"} in version ${set.version + 1}; roll back to version ${set.version} at any time.`;
    clear();
  }
  dialog.showModal();
  at("upgrade-close").focus();
  if (!dialog.ariaBusy) await look();
}

function clear() {
  at("upgrade-both").hidden = at("upgrade-wrong").hidden = true;
  at("upgrade-stays").replaceChildren();
  for (const each of dialog.querySelectorAll("[name=keep]")) each.checked = false;
  at("upgrade-do").hidden = true;
  at("upgrade-progress").textContent = "";
}

// Look at what both changed: the button comes when that is known.
async function look() {
  const about = set;
  at("upgrade-progress").textContent = "comparing the set with the image…";
  try {
    const found = await request(path(), "PATCH", { imageName: image, dryRun: true });
    if (set !== about) return;
    at("upgrade-progress").textContent = "";
    asks = Boolean(found.pathCount || found.packages.length);
    at("upgrade-both").hidden = !asks;
    at("upgrade-list").textContent = overlaps(found).join("\n");
    stays(found.shadowed);
    at("upgrade-do").hidden = false;
    if (dialog.open) (asks ? dialog.querySelector("[name=keep]") : at("upgrade-do")).focus();
  } catch (error) {
    if (set === about) complain(error);
  }
}

const or = (text) => text || "none";

function overlaps(found) {
  const packages = found.packages.map((each) => `${each.name}: ${or(each.was)} before, ${or(each.mine)} in the set, ${or(each.image)} in the image`);
  const paths = found.paths.slice(0, SHOWN).map((each) => `${each.path}: ${each.mine} in the set, ${each.image} in the image`);
  const more = found.pathCount - paths.length;
  return [...packages, ...paths, ...(more > 0 ? [`and ${more} more paths`] : [])];
}

function stays(packages) {
  at("upgrade-stays").replaceChildren(...(packages.length ? [packages.map((each) => `${each.name} stays ${or(each.mine)}, as the set has it; the image has ${or(each.image)}`).join(". ")] : []));
}

function complain(error) {
  at("upgrade-progress").textContent = "";
  at("upgrade-wrong").textContent = error.message;
  at("upgrade-wrong").hidden = false;
}

async function upgrade() {
  const keep = dialog.querySelector("[name=keep]:checked")?.value ?? "";
  at("upgrade-wrong").hidden = true;
  if (asks && !keep) {
    complain(new Error("Choose what stands of what both changed."));
    dialog.querySelector("[name=keep]").focus();
    return;
  }
  dialog.ariaBusy = "true";
  at("upgrade-progress").textContent = "upgrading…";
  try {
    const work = request(path(), "PATCH", { imageName: image, keep });
    followSteps(set.name, work, at("upgrade-bar"), at("upgrade-progress"));
    const done = await work;
    dialog.close();
    show([`${set.name} is on ${done.imageName}${done.waiting ? `, and is pending: ${done.waiting}` : ""}.`, ...done.notes.map((each) => `${each}.`)].join(" "), "done");
  } catch (error) {
    complain(error);
    // The dialog may be closed meanwhile.
    if (!dialog.open) show(error.message);
  } finally {
    dialog.ariaBusy = null;
    forgetSteps(at("upgrade-bar"), at("upgrade-progress"));
  }
  await whenDone();
}

at("upgrade-form").addEventListener("submit", (event) => {
  event.preventDefault();
  if (!dialog.ariaBusy) upgrade();
});
at("upgrade-close").addEventListener("click", () => dialog.close());
// Where its button was there may be none any more.
dialog.addEventListener("close", () => (at("newer").hidden ? at("whose") : at("upgrade-it")).focus());
