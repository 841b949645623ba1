// xterm.js writes style elements and style attributes, which the policy of the page refuses (Content-Security-Policy).
// The same rules may be set by a script as sheets and properties: so they are handed on, and the policy stays as it is.

// What stands where a style element would: what is written into it are the rules of a sheet.
function sheetElement() {
  const element = Document.prototype.createElement.call(document, "template");
  const sheet = new CSSStyleSheet();
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  Object.defineProperty(element, "textContent", { set: (text) => { sheet.replaceSync(text); } });
  element.remove = () => {
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((each) => each !== sheet);
    Element.prototype.remove.call(element);
  };
  return element;
}

// Have the style elements that are made in `open` be sheets.
export function withSheets(open) {
  const make = Document.prototype.createElement;
  document.createElement = (name, ...rest) => (name === "style" ? sheetElement() : make.call(document, name, ...rest));
  try {
    open();
  } finally {
    delete document.createElement; // the document's own is there again
  }
}

// The colours of single letters are attributes of spans.
HTMLSpanElement.prototype.setAttribute = function setAttribute(name, value) {
  if (name === "style") this.style.cssText = value; else Element.prototype.setAttribute.call(this, name, value);
};
