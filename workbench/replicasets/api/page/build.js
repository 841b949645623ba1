// Building an image: the questions of the wizard, the queue, and the log of a build as it comes.
// A build goes on without the page: what is shown is looked up, so that a page that is loaded anew finds it again.

import { at, button, failure, headers, keepingFocus, pause, request, show } from "./elements.js";
import { openForm } from "./form.js";

const LOOK = 1500;
const MOST_LOG = 400_000;
const WORDS = { queued: "waits", running: "runs", done: "is built", failed: "failed", cancelled: "was cancelled" };
// The builds as they were last looked at, the one whose log is shown, and what reads that.
let builds = [];
let shown = 0;
let reading = null;
let following = false;
// What a page that is just loaded has not looked for yet.
let fresh = true;

const isOpen = (build) => ["queued", "running"].includes(build.state);

function answers() {
  return Object.fromEntries([...at("build-questions").querySelectorAll("select")].map((each) => [each.name, each.value]));
}

function option(offer) {
  const element = document.createElement("option");
  element.value = offer.value;
  element.textContent = offer.reason ? `${offer.title} (not possible)` : offer.title;
  element.disabled = Boolean(offer.reason);
  return element;
}

function field(question) {
  const place = document.createElement("div");
  const label = document.createElement("label");
  const select = document.createElement("select");
  const reasons = document.createElement("ul");
  select.name = question.name;
  select.id = `build-${question.name}`;
  label.htmlFor = select.id;
  label.textContent = question.label;
  reasons.className = "why";
  reasons.id = `${select.id}-why`;
  select.setAttribute("aria-describedby", reasons.id);
  select.addEventListener("change", () => { ask().catch(complain); });
  place.append(label, select, reasons);
  return place;
}

// A select that stays keeps the keyboard's focus.
function draw(questions) {
  const places = new Map([...at("build-questions").children].map((each) => [each.querySelector("select").name, each]));
  const wanted = questions.map((question) => {
    const place = places.get(question.name) ?? field(question);
    const select = place.querySelector("select");
    select.replaceChildren(...question.offers.map(option));
    select.value = question.answer;
    place.querySelector("ul").replaceChildren(...question.offers.filter((each) => each.reason).map((offer) => {
      const element = document.createElement("li");
      element.textContent = `${offer.value}: ${offer.reason}`;
      return element;
    }));
    return place;
  });
  for (const [name, place] of places) if (!questions.some((each) => each.name === name)) place.remove();
  wanted.forEach((place, number) => {
    if (at("build-questions").children[number] !== place) at("build-questions").insertBefore(place, at("build-questions").children[number] ?? null);
  });
}

async function ask() {
  at("build-wrong").hidden = true;
  const given = answers();
  const { questions } = await request("/builds/questions", "POST", { answers: given });
  // What was chosen meanwhile has a request of its own.
  if (JSON.stringify(given) === JSON.stringify(answers())) draw(questions);
}

function complain(error) {
  at("build-wrong").textContent = error.message;
  at("build-wrong").hidden = false;
}

function sentence(build) {
  if (build.state === "queued") return `waits; ${build.ahead} before it`;
  if (build.state === "running") return build.step ? `step ${build.at} of ${build.steps}: ${build.step}` : "begins";
  return `${WORDS[build.state]}${build.reason ? `: ${build.reason}` : ""}`;
}

function item(build) {
  const element = document.createElement("li");
  const title = document.createElement("strong");
  const text = document.createElement("span");
  title.textContent = build.title;
  text.textContent = sentence(build);
  text.className = build.state;
  element.append(title, text, button("Log", `Log of build ${build.number}`, () => { showLog(build.number); }));
  if (isOpen(build)) {
    element.append(button("Cancel", `Cancel build ${build.number}`, async () => {
      await request(`/builds/${build.number}`, "DELETE");
      await heedBuilds();
      at("builds-title").focus();
    }));
  }
  if (build.state === "done") element.append(button("New set", `New set of build ${build.number}`, () => openForm(null, build.image)));
  return element;
}

// The log of a build from its beginning, until it is over or another one's is shown.
async function showLog(number) {
  reading?.abort();
  reading = new AbortController();
  const mine = reading;
  const log = at("build-log");
  shown = number;
  log.textContent = "";
  log.hidden = false;
  log.setAttribute("aria-label", `Log of build ${number}`);
  try {
    const response = await fetch(`api/v1/builds/${number}/logs`, { headers: headers(), signal: mine.signal });
    if (!response.ok) throw failure(await response.json());
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done || reading !== mine) break;
      const lines = (rest + value).split("\n");
      rest = lines.pop();
      const texts = lines.map((line) => JSON.parse(line)).filter((each) => "text" in each).map((each) => each.text);
      const atEnd = log.scrollTop + log.clientHeight >= log.scrollHeight - 8;
      if (texts.length) log.append(texts.join(""));
      while (log.textContent.length > MOST_LOG && log.childNodes.length > 1) log.firstChild.remove();
      if (atEnd) log.scrollTop = log.scrollHeight;
    }
    if (reading === mine) await heedBuilds();
  } catch (error) {
    if (reading === mine) show(error.message);
  }
}

// Look at the builds, and again while one of them is not over.
export async function heedBuilds() {
  const found = await request("/builds");
  const changed = JSON.stringify(found.builds) !== JSON.stringify(builds);
  builds = found.builds;
  at("build-open").hidden = Boolean(found.refusal);
  at("builds").hidden = !builds.length;
  if (changed) {
    keepingFocus(at("build-list"), () => at("build-list").replaceChildren(...builds.map(item)));
    const now = builds.find((each) => each.number === shown) ?? builds[0];
    at("build-state").textContent = now ? `${now.title} ${sentence(now)}` : "";
  }
  const open = builds.find(isOpen);
  if (fresh && open) showLog(open.number);
  fresh = false;
  if (open && !following) follow();
}

async function follow() {
  following = true;
  while (builds.some(isOpen)) {
    await pause(LOOK);
    await heedBuilds().catch(() => {});
  }
  following = false;
}

export function forgetBuilds() {
  reading?.abort();
  reading = null;
  builds = [];
  shown = 0;
  fresh = true;
  at("build-list").replaceChildren();
  at("build-questions").replaceChildren();
  at("build-log").textContent = at("build-state").textContent = "";
  at("build").hidden = at("builds").hidden = at("build-log").hidden = at("build-open").hidden = true;
  at("build-open").setAttribute("aria-expanded", "false");
}

function close() {
  at("build").hidden = true;
  at("build-open").setAttribute("aria-expanded", "false");
}

at("build-open").addEventListener("click", async () => {
  at("build").hidden = false;
  at("build-open").setAttribute("aria-expanded", "true");
  const first = () => at("build-questions").querySelector("select");
  const there = first();
  there?.focus();
  await ask().catch(complain);
  if (!there) first()?.focus();
});
at("build-close").addEventListener("click", () => {
  close();
  at("build-open").focus();
});
at("build").addEventListener("submit", async (event) => {
  event.preventDefault();
  if (at("build").ariaBusy) return;
  at("build").ariaBusy = "true";
  at("build-wrong").hidden = true;
  try {
    const build = await request("/builds", "POST", { answers: answers() });
    close();
    fresh = false;
    showLog(build.number);
    await heedBuilds();
    at("builds-title").focus();
  } catch (error) {
    complain(error);
  } finally {
    at("build").ariaBusy = null;
  }
});
