// What both parts of the page are made of: requests with the token, and elements.
// All text gets into the page as text, never as HTML: names come from other people.

export const TOKEN = "workbench-token";
export const at = (id) => document.getElementById(id);

// Called when the service does not take the token any more.
let refused = () => {};
export function whenRefused(act) { refused = act; }

export function headers() {
  return { Authorization: `Bearer ${sessionStorage.getItem(TOKEN)}` };
}

export async function request(path, method = "GET", body = undefined) {
  const token = sessionStorage.getItem(TOKEN);
  const given = headers();
  if (body !== undefined) given["Content-Type"] = "application/json";
  const response = await fetch(`api/v1${path}`, { method, headers: given, body: body && JSON.stringify(body) });
  const envelope = await response.json();
  // The response to a wrong token may come when a right one has taken its place.
  if (response.status === 401 && sessionStorage.getItem(TOKEN) === token) refused();
  // With --compat an error has status 200 and its code.
  if (!response.ok || envelope.code !== 200) throw failure(envelope);
  return envelope.data;
}

// The error of a response; `field` is the field of the body that it is about.
export function failure(envelope) {
  const error = new Error(envelope.hint ? `${envelope.msg} (${envelope.hint})` : envelope.msg);
  error.field = envelope.field ?? "";
  return error;
}

export const pause = (milliseconds) => new Promise((resolve) => { setTimeout(resolve, milliseconds); });

export function cell(...content) {
  const element = document.createElement("td");
  element.append(...content);
  return element;
}

export function row(...cells) {
  const element = document.createElement("tr");
  element.append(...cells);
  return element;
}

// Shown while the service works, and when it could not; `kind` "done" is what went well.
export function show(text, kind = "") {
  at("message").textContent = text;
  if (kind) at("message").dataset.kind = kind; else delete at("message").dataset.kind;
}

export function button(text, label, act, after = () => {}) {
  const element = document.createElement("button");
  element.type = "button";
  element.textContent = text;
  element.setAttribute("aria-label", label);
  // Not disabled while it works: the keyboard's focus would be lost.
  element.addEventListener("click", async () => {
    if (element.ariaBusy) return;
    element.ariaBusy = "true";
    try {
      if (await act() !== false) show("");
    } catch (error) {
      show(error.message);
    }
    element.ariaBusy = null;
    after();
  });
  return element;
}

// Change what is within an element, and give the keyboard's focus back to what takes the place of its button.
export function keepingFocus(within, change) {
  const label = within.contains(document.activeElement) ? document.activeElement.getAttribute("aria-label") : null;
  change();
  if (label) [...within.querySelectorAll("[aria-label]")].find((each) => each.getAttribute("aria-label") === label)?.focus();
}

// Hide an element or show it; the keyboard's focus does not go with it but to the name of the set.
export function toggle(element, shown) {
  if (!shown && element.contains(document.activeElement)) at("whose").focus();
  element.hidden = !shown;
}

// Ask before something that cannot be taken back by the next click. Return whether it was confirmed.
export function confirmed(text, word) {
  const dialog = at("question");
  at("asked").textContent = text;
  at("yes").textContent = word;
  dialog.returnValue = "";
  dialog.showModal();
  at("no").focus();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}

// How a port of the host is reached from here.
export function hostOf(publish) {
  // What listens on every address is reached by the name that this page was reached by.
  const host = ["0.0.0.0", "::", ""].includes(publish) ? location.hostname : publish;
  return host.includes(":") ? `[${host}]` : host;
}
