// The steps of what is being done to a set, while they are done.

import { pause, request } from "./elements.js";

const LOOK = 400;

// Show them in `bar` and `text` until `work`, a promise, is settled.
export async function followSteps(name, work, bar, text) {
  let over = false;
  work.finally(() => { over = true; }).catch(() => {});
  bar.hidden = false;
  while (!over) {
    // Before its first step, and after its last one, there is nothing to show.
    const found = await request(`/replicaSet/${encodeURIComponent(name)}/operation`).catch(() => null);
    if (found && !over) {
      text.textContent = `${found.steps[found.at - 1]}, step ${found.at} of ${found.steps.length}`;
      bar.max = found.steps.length;
      bar.value = found.at - 1;
    }
    await pause(LOOK);
  }
}

export function forgetSteps(bar, text) {
  bar.hidden = true;
  bar.removeAttribute("value");
  text.textContent = "";
}
