// A program with a terminal: the WebSocket, and who may send how much. See the OpenAPI document for its messages.

import { TOKEN } from "./elements.js";

const PIECE = 16384;

export class Session {
  #queue = [];
  #window = 0;
  #untaken = 0;
  #socket;
  #over = false;

  // `output(bytes, taken)` is called with what the program writes, `began()` when it runs, `ended(text)` when it is over.
  constructor(name, size, { output, began, ended }) {
    const address = new URL(`api/v1/replicaSet/${encodeURIComponent(name)}/terminal`, location.href);
    address.protocol = address.protocol.replace("http", "ws");
    // A browser sends no header with a WebSocket. The token is not in the address, which is logged on its way.
    const socket = new WebSocket(address, ["workbench.terminal", `workbench.token.${sessionStorage.getItem(TOKEN)}`]);
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    let opened = false;
    const over = (text) => {
      if (this.#over) return;
      this.#over = true;
      ended(text);
    };
    socket.onopen = () => {
      opened = true;
      this.#tell({ terminal: { type: "xterm-256color", ...size } });
    };
    socket.onmessage = ({ data }) => {
      if (typeof data !== "string") {
        // The first byte is the stream, and there is one.
        const bytes = new Uint8Array(data, 1);
        output(bytes, () => this.#tell({ taken: bytes.length }));
        return;
      }
      const message = JSON.parse(data);
      if ("window" in message) {
        this.#window = message.window;
        began();
      } else if ("taken" in message) {
        this.#untaken -= message.taken;
        this.#flush();
      } else if ("exitCode" in message) {
        over(`The program ended with exit code ${message.exitCode}.`);
      } else {
        over(message.ended ? `Ended: ${message.ended}.` : `${message.msg}${message.hint ? ` (${message.hint})` : ""}`);
      }
    };
    socket.onclose = () => over(opened ? "The connection broke off, and the program was ended." : "The service let no terminal in: too many may be open, or what stands before it passes no WebSocket on.");
  }

  get runs() { return !this.#over; }

  write(bytes) {
    for (let at = 0; at < bytes.length; at += PIECE) this.#queue.push(bytes.subarray(at, at + PIECE));
    this.#flush();
  }

  resize(size) { if (this.#window) this.#tell(size); }

  end() {
    this.#over = true;
    this.#socket.close();
  }

  #flush() {
    while (this.#queue.length && this.#untaken + this.#queue[0].length <= this.#window) {
      const piece = this.#queue.shift();
      this.#untaken += piece.length;
      if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(piece);
    }
  }

  #tell(message) { if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message)); }
}
