// The operators' page: a list of calls, and one call. Data come from /v1 by the session's cookie. What callers, agents and rooms
// are called and what they say goes in as text nodes, never as markup.
"use strict";

const REFRESH_MS = 5000;
const PATIENCE_MS = 20000;
const PAGE_SIZE = 50, MOST_AT_ONCE = 200;
const SVG = "http://www.w3.org/2000/svg";
const id = (name) => document.getElementById(name);

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}
const el = (tag, attributes = {}, ...children) => fill(document.createElement(tag), attributes, children);
const svg = (tag, attributes = {}, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

// ---- Asking ----

class Trouble extends Error {}

async function ask(path) {
  let response;
  try {
    response = await fetch(path, { credentials: "same-origin", headers: { accept: "application/json" }, signal: AbortSignal.timeout(PATIENCE_MS) });
  } catch {
    throw new Trouble("The server does not answer. Is it running, and is this machine online? The page tries again by itself.");
  }
  if (response.status === 401) {
    location.reload();  // which shows the form
    return new Promise(() => {});
  }
  const answer = await response.json().catch(() => null);
  if (response.ok && answer && answer.ok) return answer.data;
  const error = (answer && answer.error) || {};
  const said = typeof error === "string" ? error : error.message;
  if (response.status === 404) throw new Trouble("There is no such call. It may have been removed; go back to the list.");
  if (response.status === 429) throw new Trouble("The server asks for a pause. The page tries again by itself.");
  throw new Trouble(`The server could not answer (${response.status}${said ? ": " + said : ""}).${error.hint ? " " + error.hint : " Its log says why; the page tries again by itself."}`);
}

function tell(trouble) {
  const text = trouble ? (trouble instanceof Trouble ? trouble.message : "This page has a fault: " + trouble.message) : "";
  if (trouble && !(trouble instanceof Trouble)) console.error(trouble);
  const box = id("trouble");
  if (box.textContent !== text) box.textContent = text;
  box.hidden = !text;
}

// ---- Forms of values ----

const DAY = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
const FULL = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium", hour12: false });

function moment(text, format = DAY) {
  const date = new Date(text);
  return text && !Number.isNaN(date.valueOf()) ? el("time", { datetime: text, title: text, class: "time" }, format.format(date)) : "–";
}
function clock(ms) {
  if (!Number.isFinite(ms)) return "–";
  const seconds = Math.max(0, Math.floor(ms / 1000)), pad = (n) => String(n).padStart(2, "0");
  const hours = Math.floor(seconds / 3600);
  return (hours ? hours + ":" + pad(Math.floor(seconds / 60) % 60) : Math.floor(seconds / 60)) + ":" + pad(seconds % 60);
}
const took = (ms) => (Number.isFinite(ms) ? (ms < 1000 ? Math.round(ms) + " ms" : (ms / 1000).toFixed(1) + " s") : "–");
const count = (n) => (Number.isFinite(n) ? n.toLocaleString() : "–");
const list = (value) => (Array.isArray(value) ? value : []);
const object = (value) => {
  if (typeof value === "string") try { value = JSON.parse(value); } catch { value = null; }
  return value && typeof value === "object" && !Array.isArray(value) ? value : {};
};
// Characters that turn text around, break its lines or are not seen are shown, not obeyed: nobody fakes a name with them.
const STEERING = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b\u2028-\u202e\u2060-\u2069\ufeff]/;
const visible = (text) => String(text ?? "").split(new RegExp(`(${STEERING.source})`)).filter(Boolean)
  .map((part) => (part.length === 1 && STEERING.test(part) ? el("span", { class: "steer" }, "U+" + part.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")) : part));
const plain = (text) => String(text ?? "").replaceAll(new RegExp(STEERING.source, "g"), "");  // where no markup can be
const foreign = (text) => el("bdi", {}, visible(text));
const words = (text) => String(text ?? "").replaceAll("_", " ");
function status(value) {
  const known = ["active", "completed", "failed"].includes(value) ? " " + value : "";
  return el("span", { class: "status" + known }, String(value ?? ""));
}
function length(call) {
  const end = call.endedAt ? Date.parse(call.endedAt) : call.status === "active" ? Date.now() : NaN;
  const ms = end - Date.parse(call.startedAt);
  return Number.isFinite(ms) ? clock(ms) : "–";
}
/// Sums of money come as exact text; a page needs no nano-dollars.
function money(text, digits = 4) {
  const value = Number(text);
  if (text === null || text === undefined || text === "" || !Number.isFinite(value)) return null;
  return "$" + value.toFixed(value !== 0 && Math.abs(value) < 10 ** -digits ? 6 : digits);
}

// ---- The list ----

const listed = { calls: new Map(), rows: new Map(), filter: { status: "", room: "" }, last: null, whole: false, shown: 0 };  // last: id that the next page stands behind

function cells(call) {
  return [
    el("td", { class: "begun" }, moment(call.startedAt)),
    el("td", { class: "room" }, el("a", { href: "#/calls/" + encodeURIComponent(call.id) }, foreign(call.room)), call.attempt > 1 ? el("span", { class: "quiet" }, " attempt " + call.attempt) : null),
    el("td", { class: "state" }, status(call.status)),
    el("td", { class: "caller" }, call.callerIdentity ? foreign(call.callerIdentity) : null),
    el("td", { class: "agent" }, call.agentName ? foreign(call.agentName) : null),
    el("td", { class: "number length" }, length(call)),
    el("td", { class: "number turn-count" }, count(call.turnCount)),
    el("td", { class: "reason" }, call.reason ? foreign(call.reason) : null),
  ];
}

// Rows stay what they are, and only cells that changed are new: neither focus nor the place on the page is lost.
function show_rows() {
  const calls = [...listed.calls.values()].sort((a, b) => (a.startedAt < b.startedAt ? 1 : a.startedAt > b.startedAt ? -1 : b.id - a.id));
  const body = id("list");
  calls.forEach((call, at) => {
    let row = listed.rows.get(call.id);
    if (!row) listed.rows.set(call.id, (row = el("tr", {}, cells(call))));
    else cells(call).forEach((cell, i) => row.cells[i].textContent === cell.textContent || row.cells[i].replaceChildren(...cell.childNodes));
    if (body.rows[at] !== row) body.insertBefore(row, body.rows[at] ?? null);
  });
  id("list-frame").hidden = calls.length === 0;
  id("more").hidden = listed.whole || calls.length === 0;
  const filtered = listed.filter.status || listed.filter.room;
  id("none").hidden = calls.length > 0;
  id("none").textContent = filtered ? "No call fits. Choose another status, or give the room's whole name." : "No calls yet. Those that agents with this store hold will appear here by themselves.";
}

async function load_calls(after) {
  const { filter } = listed;
  const query = new URLSearchParams({ limit: after ? PAGE_SIZE : Math.min(MOST_AT_ONCE, Math.max(PAGE_SIZE, listed.calls.size)) });
  for (const name of ["status", "room"]) if (filter[name]) query.set(name, filter[name]);
  if (after) query.set("after", after);
  const answer = await ask("/v1/calls?" + query), calls = list(answer.calls);
  if (filter !== listed.filter) return;  // asked before it was changed
  const fresh = calls.filter((call) => !listed.calls.has(call.id)).length;
  if (!after && listed.shown++ && fresh) id("news").textContent = fresh === 1 ? "1 new call" : fresh + " new calls";
  if (after || listed.shown === 1) {
    listed.whole = !answer.more;
    if (calls.length) listed.last = calls[calls.length - 1].id;
  }
  for (const call of calls) listed.calls.set(call.id, call);
  // What the newest do not hold any more, though it is as new, no longer fits the filter.
  if (!after) {
    const had = new Set(calls.map((call) => call.id)), oldest = calls.length ? calls[calls.length - 1].startedAt : "";
    for (const [key, call] of listed.calls) {
      if (had.has(key) || (calls.length && call.startedAt <= oldest)) continue;
      listed.calls.delete(key);
      listed.rows.get(key)?.remove();
      listed.rows.delete(key);
    }
  }
  show_rows();
}

function choose(filter) {
  Object.assign(listed, { filter, shown: 0, whole: false });
  listed.calls.clear();
  listed.rows.clear();
  id("list").replaceChildren();
}

// ---- One call ----

let opened = null;  // what is shown of one call

function open_call(key) {
  const title = el("h1", { id: "call-title", tabindex: "-1" }, "Call");
  opened = { key, seen: {}, title, facts: el("dl", { class: "facts" }), sound: el("section", { class: "part", "aria-labelledby": "sound-title" }),
    line: el("section", { class: "part", "aria-labelledby": "line-title" }), turns: el("section", { class: "part", "aria-labelledby": "turns-title" }),
    events: el("section", { class: "part" }), cost: el("section", { class: "part", "aria-labelledby": "cost-title" }), audio: null, offset: 0 };
  id("call").replaceChildren(el("a", { class: "back", href: "#/" }, "← All calls"), title, opened.facts, opened.sound, opened.line,
    el("div", { class: "columns" }, opened.turns, el("div", {}, opened.cost, opened.events)));
}

/// Replaces a part of the page only when what it shows has changed.
function renew(what, data, make) {
  const text = JSON.stringify(data);
  if (opened.seen[what] === text) return;
  opened.seen[what] = text;
  opened[what].replaceChildren(...[make()].flat().filter(Boolean));
}

function facts(call, record, report) {
  const latency = object(report.latency);
  const pairs = [
    ["Status", status(call.status)], ["Started", moment(call.startedAt, FULL)], ["Length", length(call)],
    ["Ended because", call.reason && foreign(call.reason)], ["Caller", call.callerIdentity && foreign(call.callerIdentity)],
    ["User", record.userId && foreign(record.userId)], ["Agent", call.agentName && foreign(call.agentName)],
    ["Attempt", call.attempt > 1 && String(call.attempt)], ["Turns", count(call.turnCount)], ["Interruptions", count(record.interruptions ?? report.interruptions)],
    ["Answers: middle · slow · slowest", latency.answers ? [latency.p50Ms, latency.p95Ms, latency.maxMs].map(took).join(" · ") : null],
    ["Heard", Number.isFinite(record.sttSeconds) && clock(record.sttSeconds * 1000)],
    ["Tokens in · out", Number.isFinite(record.llmInputTokens) && count(record.llmInputTokens) + " · " + count(record.llmOutputTokens)],
    ["Characters spoken", count(record.ttsCharacters)], ["Cost", cost_text(record, report)],
  ];
  return pairs.filter(([, value]) => value && value !== "–").map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value)));
}

function cost_text(record, report) {
  const total = money(record.costUsd ?? object(report.costs).totalUsd);
  if (!total) return null;
  return total + (record.costComplete === false ? ", not all prices known" : "") + (record.usageEstimated ? ", partly estimated" : "");
}

function cost_table(report) {
  const costs = object(report.costs), lines = list(costs.lines);
  const title = el("h2", { id: "cost-title" }, "Cost");
  if (!lines.length) return [title, el("p", { class: "quiet" }, "Nothing was used that costs.")];
  const amount = (line) => [["audioMs", (n) => clock(n) + " heard"], ["inputTokens", (n) => count(n) + " tokens in"], ["cachedTokens", (n) => count(n) + " of them cached"],
    ["outputTokens", (n) => count(n) + " out"], ["characters", (n) => count(n) + " characters"]].filter(([key]) => line[key]).map(([key, say]) => say(line[key])).join(", ");
  const rows = lines.map(object).map((line) => el("tr", {}, el("th", { scope: "row" }, words(line.stage)),
    el("td", {}, foreign(line.provider + (line.model ? " / " + line.model : "")), el("br"), el("span", { class: "quiet" }, amount(line) + (line.estimated ? " (estimated)" : ""))),
    el("td", { class: "number" }, money(line.costUsd, 6) ?? "no known price")));
  const total = el("tr", {}, el("th", { scope: "row" }, "Total"), el("td", { class: "quiet" }, costs.budgetUsd ? "of a budget of " + money(costs.budgetUsd, 2) : ""),
    el("td", { class: "number" }, el("strong", {}, money(costs.totalUsd, 6) ?? "–")));
  return [title, el("div", { class: "scroll" }, el("table", { "aria-labelledby": "cost-title" }, el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Stage"), el("th", { scope: "col" }, "Provider"), el("th", { scope: "col", class: "number" }, "USD"))), el("tbody", {}, rows, total)))];
}

const happenings = (report) => [
  ...list(report.events).map(object).map((event) => ({ atMs: event.atMs, kind: words(event.kind), detail: event.detail, look: event.kind === "tool_call" ? "tool" : "note" })),
  ...list(report.errors).map(object).map((error) => ({ atMs: error.atMs, kind: "error in " + words(error.stage), detail: error.message, look: "fault" })),
].filter((one) => Number.isFinite(one.atMs)).sort((a, b) => a.atMs - b.atMs);

function event_table(report) {
  const all = happenings(report);
  if (!all.length) return null;
  return [el("h2", { id: "events-title" }, "What else happened"), el("div", { class: "scroll" }, el("table", { "aria-labelledby": "events-title" }, el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "At"), el("th", { scope: "col" }, "What"))),
    el("tbody", {}, all.map((one) => el("tr", {}, el("td", { class: "number" }, clock(one.atMs)), el("td", {}, el("span", { class: "key " + one.look }), one.kind, one.detail ? [": ", foreign(one.detail)] : null))))))];
}

function transcript(call, turns, report) {
  const title = el("h2", { id: "turns-title" }, "Transcript");
  if (!turns.length) return [title, el("p", { class: "empty" }, call.status === "active" ? "Nothing was said yet. What is said appears here by itself." : "Nothing was said in this call, or nothing was kept.")];
  const timed = new Map(list(report.turns).map((turn) => [turn.sequence, turn]));
  return [title, el("ol", { class: "turns" }, turns.map((turn) => {
    const at = turn.offsetMs ?? NaN, agent = turn.speaker === "agent";
    const wait = object(object(timed.get(turn.sequence)).latencies).answerLatencyMs ?? object(turn.detail).answerLatencyMs;
    const notes = [Number.isFinite(wait) ? el("span", { class: wait > 2000 ? "slow" : "", title: "from the caller's last sound to the agent's first" }, "after " + took(wait)) : null, turn.interrupted ? el("span", {}, " interrupted") : null];
    return el("li", { class: agent ? "agent" : "user", "data-from": at, "data-to": at + turn.durationMs },
      opened.audio && Number.isFinite(at) ? el("button", { type: "button", class: "at", "aria-label": "Play from " + clock(at), onclick: () => play(at) }, clock(at)) : el("span", { class: "at" }, clock(at)),
      el("span", { class: "who", title: plain(turn.identity) || null }, agent ? "Agent" : "Caller"), el("span", { class: "words", dir: "auto" }, visible(turn.text)), el("span", { class: "took" }, notes));
  }))];
}

// ---- The timeline ----

const LANES = [["Caller", "user"], ["Agent", "agent"], ["Events", "tool"]], LANE = 26, TOP = 22, LEFT = 58, RIGHT = 12, LEAST_PX_A_SECOND = 3, MOST_WIDTH = 20000;

function time_line(call, turns, report) {
  const from = Date.parse(call.startedAt);
  const said = turns.map((turn) => ({ agent: turn.speaker === "agent", from: turn.offsetMs ?? NaN, to: turn.offsetMs + turn.durationMs, cut: turn.interrupted, sequence: turn.sequence, tools: list(object(turn.detail).tools) }))
    .filter((one) => Number.isFinite(one.from) && Number.isFinite(one.to));
  const waits = new Map(list(report.turns).map((turn) => [turn.sequence, object(turn.latencies).answerLatencyMs]));
  const others = happenings(report);
  const end = Math.max(1000, call.endedAt ? Date.parse(call.endedAt) - from : 0, ...said.map((one) => one.to), ...others.map((one) => one.atMs));
  const title = el("h2", { id: "line-title" }, "Timeline");
  if (!said.length && !others.length) return [title, el("p", { class: "quiet" }, "Nothing to show yet.")];
  const frame = el("div", { class: "time-line", tabindex: "0", role: "group", "aria-label": "Timeline; the transcript and the list of events say the same" });
  const draw = () => {
    const width = Math.min(MOST_WIDTH, Math.max(frame.clientWidth || 320, LEFT + RIGHT + (end / 1000) * LEAST_PX_A_SECOND));
    const x = (ms) => LEFT + (Math.min(Math.max(ms, 0), end) / end) * (width - LEFT - RIGHT), y = (lane) => TOP + lane * LANE, height = TOP + LANES.length * LANE + 8;
    const bar = (lane, start, stop, look, label) => svg("rect", { class: look, x: x(start), y: y(lane) + 4, width: Math.max(2, x(stop) - x(start)), height: LANE - 8, rx: 2 }, svg("title", {}, label));
    const marks = [];
    const step = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600].find((s) => (s * 1000 / end) * (width - LEFT) >= 64) ?? 7200;
    for (let at = 0; at <= end; at += step * 1000) marks.push(svg("line", { class: "grid", x1: x(at), x2: x(at), y1: TOP - 4, y2: height - 6 }), svg("text", { x: x(at) + 3, y: TOP - 8 }, clock(at)));
    const shapes = said.flatMap((one) => {
      const wait = one.agent ? waits.get(one.sequence) : undefined;
      return [Number.isFinite(wait) ? bar(1, one.from - wait, one.from, "wait", "answered after " + took(wait)) : null,
        bar(one.agent ? 1 : 0, one.from, one.to, "say " + (one.agent ? "agent" : "user") + (one.cut ? " cut" : ""), `${one.agent ? "agent" : "caller"} ${clock(one.from)}–${clock(one.to)}${one.cut ? ", interrupted" : ""}`),
        ...one.tools.map(object).filter((tool) => Number.isFinite(tool.atMs)).map((tool) => bar(2, tool.atMs, tool.atMs + (tool.tookMs || 0), "tool", `${tool.tool}: ${tool.outcome}, ${took(tool.tookMs)}`))];
    });
    const points = others.filter((one) => one.look !== "tool").map((one) => svg("path", { class: one.look, transform: `translate(${x(one.atMs)} ${y(2) + LANE / 2})`, d: one.look === "fault" ? "M0-8 8 0 0 8-8 0Z" : "M0-4 4 0 0 4-4 0Z" }, svg("title", {}, `${clock(one.atMs)} ${one.kind}${one.detail ? ": " + one.detail : ""}`)));
    const image = svg("svg", { width, height, "aria-hidden": "true" }, LANES.map((lane, i) => svg("rect", { class: "lane", x: LEFT, y: y(i) + 2, width: width - LEFT - RIGHT, height: LANE - 4 })), marks,
      LANES.map(([name], i) => svg("text", { x: 8, y: y(i) + LANE / 2 + 4 }, name)), shapes, points);
    opened.head = image.appendChild(svg("line", { class: "head", y1: TOP - 4, y2: height - 6, visibility: "hidden" }));
    opened.x = x;
    image.addEventListener("click", (event) => {
      const at = ((event.clientX - image.getBoundingClientRect().left - LEFT) / (width - LEFT - RIGHT)) * end;
      if (at >= 0 && at <= end && opened.audio) play(at);
    });
    frame.replaceChildren(image);
  };
  opened.watch?.disconnect();
  opened.watch = new ResizeObserver(draw);
  opened.watch.observe(frame);
  const keys = [["user", "caller speaks"], ["agent", "agent speaks"], ["wait", "caller waits for an answer"], ["tool", "tool call"], ["note", "event"], ["fault", "error"]];
  return [title, frame, el("ul", { class: "keys" }, keys.map(([look, name]) => el("li", {}, el("span", { class: "key " + look }), name)))];
}

// ---- The recording ----

function play(ms) {
  opened.audio.currentTime = Math.max(0, (ms + opened.offset) / 1000);
  opened.audio.play().catch(() => {});
}

function follow(event) {
  if (event.target !== opened?.audio) return;  // a pause tells of itself when another call, or none, is shown already
  const at = opened.audio.currentTime * 1000 - opened.offset;
  if (opened.head) for (const [name, value] of [["x1", opened.x(at)], ["x2", opened.x(at)], ["visibility", "visible"]]) opened.head.setAttribute(name, value);
  for (const turn of opened.turns.querySelectorAll("li")) turn.classList.toggle("now", at >= turn.dataset.from && at <= turn.dataset.to);
}

function why_silent(call, recording) {
  if (!recording.egressId) return [call.status === "active" ? "None that this server knows of yet." : "This call has none that this server knows of."];
  if (recording.error) return ["It failed: ", foreign(recording.error)];
  if (!recording.location) return ["It can be played here once it is complete; now it is ", foreign(words(recording.status)), "."];
  return ["It lies at ", foreign(recording.location), ". Files of this machine are played here when the server is started with --recordings FOLDER."];
}

/// Whether it can be had is asked for with a single byte of it.
async function find_recording(call) {
  if (opened.audio) return;
  const recording = object(call.recording), shown = opened, path = "/v1/calls/" + encodeURIComponent(shown.key) + "/recording", stop = new AbortController();
  const there = recording.location && await fetch(path, { credentials: "same-origin", headers: { range: "bytes=0-0" }, signal: stop.signal }).then((response) => response.ok, () => false);
  stop.abort();
  if (shown !== opened) return;
  const title = el("h2", { id: "sound-title" }, "Recording");
  if (!there) return renew("sound", [call.status, recording], () => [title, el("p", { class: "quiet" }, ...why_silent(call, recording))]);
  const begun = Date.parse(recording.startedAt);
  opened.offset = Number.isFinite(begun) ? Date.parse(call.startedAt) - begun : 0;
  opened.audio = el("audio", { controls: true, preload: "metadata", src: path, "aria-labelledby": "sound-title", ontimeupdate: follow, onseeking: follow });
  opened.audio.addEventListener("error", () => tell(new Trouble("The recording cannot be played by this browser, or the server could not read it. Download it from where it is stored.")));
  renew("sound", "player", () => [title, opened.audio]);
}

async function load_call(key) {
  if (!opened || opened.key !== key) open_call(key);
  const shown = opened, path = "/v1/calls/" + encodeURIComponent(key);
  const [call, said] = await Promise.all([ask(path), ask(path + "/transcript")]);
  if (shown !== opened) return;
  const record = object(call.record), report = object(call.report), turns = list(said.turns);
  opened.title.replaceChildren("Call in ", foreign(call.room));
  document.title = "Call in " + plain(call.room) + " · voicectl";
  renew("facts", [call, length(call)], () => facts(call, record, report));
  await find_recording(call);
  if (shown !== opened) return;
  renew("line", [call.endedAt, turns, report], () => time_line(call, turns, report));
  renew("turns", [turns, report.turns, !!opened.audio], () => transcript(call, turns, report));
  renew("cost", report.costs ?? null, () => cost_table(report));
  renew("events", [report.events, report.errors], () => event_table(report) ?? []);
  return call.status === "active";
}

// ---- What is shown ----

let timer = 0, view = null, running = 0;

async function refresh() {
  clearTimeout(timer);
  const mine = ++running, shown = view;
  let again = true;
  try {
    if (shown.call) again = (await load_call(shown.call)) !== false;
    else await load_calls();
    if (mine !== running) return;
    tell(null);
    id("state").textContent = again ? "Up to date " + new Date().toLocaleTimeString(undefined, { hour12: false }) : "";
  } catch (trouble) {
    if (mine !== running) return;
    tell(trouble);
    id("state").textContent = "";
  }
  if (again && !document.hidden) timer = setTimeout(refresh, REFRESH_MS);
}

function go() {
  const parts = location.hash.split("/"), was = view;
  let call = null;
  try { call = parts[1] === "calls" && parts[2] ? decodeURIComponent(parts[2]) : null; } catch { /* an address that nobody made here: the list */ }
  view = { call };
  if (opened && opened.key !== call) {
    opened.audio?.pause();
    opened.watch?.disconnect();
    opened = null;
  }
  id("calls").hidden = !!call;
  id("call").hidden = !call;
  if (!call) document.title = "Calls · voicectl";
  if (call) open_call(call);
  if (was) (call ? opened.title : id("calls-title")).focus({ preventScroll: !call });
  if (call) scrollTo(0, 0);
  tell(null);
  refresh();
}

id("filter").addEventListener("submit", (event) => {
  event.preventDefault();
  choose({ status: event.target.status.value, room: event.target.room.value.trim() });
  refresh();
});
id("filter").elements.namedItem("status").addEventListener("change", (event) => event.target.form.requestSubmit());
id("more").addEventListener("click", async () => {
  const button = id("more");
  button.disabled = true;
  try { await load_calls(listed.last); } catch (trouble) { tell(trouble); }
  button.disabled = false;
});
document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : refresh()));
addEventListener("hashchange", go);
go();
