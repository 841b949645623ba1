// A terminal in a running set, by xterm.js, which is fetched when the first one is opened.

import { at, confirmed } from "./elements.js";
import { Session } from "./session.js";
import { withSheets } from "./sheets.js";

let session = null;
let terminal = null;
let name = "";
let watch = null;

async function library() {
  try {
    const [{ Terminal }, { FitAddon }] = await Promise.all([import("./xterm.mjs"), import("./addon-fit.mjs")]);
    if (!document.querySelector("link[href='xterm.css']")) {
      const link = document.createElement("link");
      link.rel = "stylesheet";
      link.href = "xterm.css";
      document.head.append(link);
      await new Promise((resolve) => { link.onload = link.onerror = resolve; });
    }
    return { Terminal, FitAddon };
  } catch {
    throw new Error("The page's terminal is not installed: `serve --fetch-terminal` on the service's machine fetches it. `rs exec -it` needs nothing.");
  }
}

// Open a terminal in the set, or go to the one that is open in it.
export async function openTerminal(set) {
  if (session?.runs) {
    if (name === set.name) { terminal.focus(); return; }
    if (!(await confirmed(`End the terminal in ${name}? What runs in it ends.`, "End"))) return;
  }
  const { Terminal, FitAddon } = await library();
  closeTerminal();
  name = set.name;
  begin(Terminal, FitAddon);
}

function begin(Terminal, FitAddon) {
  at("console-title").textContent = `Terminal in ${name}`;
  at("console-state").textContent = "";
  at("console").hidden = false;
  at("console-end").textContent = "End";
  const mine = new Terminal({ fontFamily: "ui-monospace, monospace", fontSize: 14, lineHeight: 1.2, cursorBlink: true, screenReaderMode: at("console-reads").checked });
  const fit = new FitAddon();
  terminal = mine;
  mine.loadAddon(fit);
  withSheets(() => mine.open(at("screen")));
  fit.fit();
  const size = () => ({ rows: mine.rows, columns: mine.cols });
  const made = new Session(name, size(), {
    output: (bytes, taken) => mine.write(bytes, taken),
    began: () => {
      made.resize(size()); // it may have changed since the program was requested
      mine.focus();
    },
    ended: (text) => {
      mine.options.disableStdin = true;
      mine.options.cursorBlink = false;
      at("console-state").textContent = text;
      at("console-end").textContent = "Close";
      if (at("screen").contains(document.activeElement)) at("console-end").focus();
    },
  });
  session = made;
  const letters = new TextEncoder();
  mine.onData((text) => made.write(letters.encode(text)));
  mine.onBinary((text) => made.write(Uint8Array.from(text, (each) => each.charCodeAt(0))));
  mine.onResize(() => made.resize(size()));
  // A terminal takes every key, Tab too: one leads out of it.
  mine.attachCustomKeyEventHandler((event) => {
    if (event.key !== "Escape" || !event.shiftKey) return true;
    event.preventDefault();
    if (event.type === "keydown") at("console-end").focus();
    return false;
  });
  watch = new ResizeObserver(() => { if (!at("console").hidden) fit.fit(); });
  watch.observe(at("screen"));
  at("console").scrollIntoView({ block: "nearest" });
}

// End what runs, and put the terminal away.
export function closeTerminal() {
  if (!session) return;
  const inside = at("console").contains(document.activeElement);
  watch.disconnect();
  session.end();
  terminal.dispose();
  session = terminal = watch = null;
  at("console").hidden = true;
  if (!inside) return;
  const back = [...document.querySelectorAll("#actions button")].find((each) => each.textContent === "Terminal");
  (back ?? at("find")).focus();
}

at("console-end").addEventListener("click", closeTerminal);
at("console-reads").addEventListener("change", () => {
  if (terminal) terminal.options.screenReaderMode = at("console-reads").checked;
});
// A tab that is closed or loaded anew ends what runs in it.
addEventListener("beforeunload", (event) => { if (session?.runs) event.preventDefault(); });
