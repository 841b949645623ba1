// Volumes and folders of a new set: a row for each.

import { at } from "./elements.js";

function input(label, placeholder) {
  const element = document.createElement("input");
  element.setAttribute("aria-label", label);
  element.placeholder = placeholder;
  element.autocomplete = "off";
  element.autocapitalize = "none";
  element.spellcheck = false;
  return element;
}

function addRow() {
  const element = document.createElement("div");
  element.className = "bind";
  const source = input("Volume or folder", "volume, or /folder");
  source.setAttribute("list", "volumes");
  const destination = input("Where it is inside", "/data");
  const box = document.createElement("input");
  box.type = "checkbox";
  const label = document.createElement("label");
  label.append(box, " read only");
  const remove = document.createElement("button");
  remove.type = "button";
  remove.textContent = "Remove";
  remove.addEventListener("click", () => {
    element.remove();
    at("add-bind").focus();
  });
  element.append(source, destination, label, remove);
  at("binds").append(element);
  source.focus();
}

// What is chosen, as the service reads it; rows that are empty are none.
export function binds() {
  const rows = [...at("binds").children].map((each) => [...each.querySelectorAll("input")]);
  return rows
    .map(([source, destination, box]) => ({ src: source.value.trim(), dest: destination.value.trim(), readOnly: box.checked }))
    .filter((each) => each.src || each.dest);
}

export function forgetBinds() { at("binds").replaceChildren(); }

at("add-bind").addEventListener("click", addRow);
