// The page of `idfree view`. Rows of all boxes lie in typed arrays sorted by frame; edits change `id` and `alive` only.
"use strict";
const LANE = 18, LABEL = 46; // px: height of a lane, width of the id beside it
const MIN_LANES = 200; // px, height of all lanes, at least
const SHORT_GAP = 4; // px: shorter gaps are marked only when zoomed in
const LONG_GAP_SECONDS = 0.5; // shorter gaps are not jumped to
const MAX_MOMENTS = 20, MAX_SWITCHES = 200; // entries in the list of mistakes
const MAX_CLICK_DISTANCE = 14; // px, of a click on the map from a point
const PART = 1 << 16; // bytes of results that are written at a time
const HUE_STEP = 0.3563, LIGHTNESS = [0.55, 0.68, 0.78]; // of successive ids, as in show/colours.py
const get = (name) => document.getElementById(name);
const data = JSON.parse(get("data").textContent);
function typed(text, Type) {
  const characters = atob(text), bytes = new Uint8Array(characters.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = characters.charCodeAt(i);
  return new Type(bytes.buffer);
}
const boxesOf = (part) => ({ frame: typed(part.frame, Int32Array), id: typed(part.id, Int32Array), box: typed(part.box, Float32Array) });
const { frame, id, box } = boxesOf(data.tracks);
const score = typed(data.score, Float32Array), classId = typed(data.class, Int32Array), times = typed(data.times, Float64Array);
const alive = new Uint8Array(id.length).fill(1), length = Math.max(1, times.length), first = starts(frame);
const marks = data.marks && { missed: boxesOf(data.marks.missed), falsePositive: typed(data.marks.false_positive, Int32Array),
  switched: typed(data.marks.switched, Int32Array), from: typed(data.marks.switched_from, Int32Array) };
const embeddingMap = data.map && { row: typed(data.map.row, Int32Array), xy: typed(data.map.xy, Float32Array) };
const firstMissed = marks && starts(marks.missed.frame), isFalse = new Uint8Array(id.length);
if (marks) for (const row of marks.falsePositive) isFalse[row] = 1;
const rate = times.length > 1 ? (times.length - 1) / (times[times.length - 1] - times[0]) : 30;
let now = 1, chosen = null, merging = false, lanes = [], laneOf = new Map(), from = 1, to = length + 1, playing = false;
const history = [];

function starts(frames) { // index of the first row of each frame 0 … length + 1
  const offsets = new Int32Array(length + 2);
  for (const f of frames) if (f <= length) offsets[f + 1]++;
  for (let f = 1; f < offsets.length; f++) offsets[f] += offsets[f - 1];
  return offsets;
}
const colour = (k) => `oklch(${LIGHTNESS[((k % 3) + 3) % 3]} 0.17 ${(k * HUE_STEP * 360) % 360})`;

function rebuild() { // the lanes: rows of each identity, and its runs (first, last frame, filled)
  laneOf = new Map();
  edition++;
  for (let row = 0; row < id.length; row++) if (alive[row]) {
    let lane = laneOf.get(id[row]);
    if (!lane) laneOf.set(id[row], (lane = { id: id[row], rows: [], runs: [] }));
    lane.rows.push(row);
    const run = lane.runs[lane.runs.length - 1], filled = score[row] === 0;
    if (run && run[1] === frame[row] - 1 && run[2] === filled) run[1] = frame[row];
    else lane.runs.push([frame[row], frame[row], filled]);
  }
  lanes = [...laneOf.values()];
  for (const lane of lanes) { // where it was seen again, and the frame in which it had been seen last
    let last = null;
    lane.refound = lane.runs.filter((run) => !run[2]).flatMap((run) => {
      const before = last;
      last = run[1];
      return before === null ? [] : [[run[0], before]];
    });
  }
  if (chosen !== null && !laneOf.has(chosen)) chosen = null;
  fitLanes();
  get("spacer").style.height = `${Math.max(0, (lanes.length + (marks ? 1 : 0)) * LANE - get("lanes").clientHeight)}px`;
  get("counts").textContent = `${lanes.length} identities, ${alive.reduce((a, b) => a + b, 0)} boxes, ${length} frames`;
  show();
}

function change(rows, apply, message) {
  history.push(rows.map((row) => [row, id[row], alive[row]]));
  rows.forEach(apply);
  say(message);
  rebuild();
}
const say = (text) => { get("message").textContent = text; };
const newId = () => id.reduce((a, b) => Math.max(a, b), 0) + 1;

function merge(a, b) { // identity b becomes part of a
  const taken = new Set(laneOf.get(a).rows.map((row) => frame[row]));
  const both = laneOf.get(b).rows.find((row) => taken.has(frame[row]));
  if (both !== undefined) return say(`${a} and ${b} are both in frame ${frame[both]}: split one of them first`);
  chosen = a;
  change(laneOf.get(b).rows, (row) => { id[row] = a; }, `Merged ${b} into ${a}`);
}
function split(a, at) {
  const rows = laneOf.get(a).rows.filter((row) => frame[row] >= at), fresh = newId();
  if (!rows.length || rows.length === laneOf.get(a).rows.length) return say(`${a} has no boxes on one side of frame ${at}`);
  change(rows, (row) => { id[row] = fresh; }, `Split ${a}: it is ${fresh} from frame ${at}`);
}
function rename(a, b) {
  if (!(Number.isInteger(b) && b > 0 && b < 2 ** 31)) return say("Expected a whole number from 1");
  if (laneOf.has(b)) return say(`${b} exists: use Merge`);
  chosen = b;
  change(laneOf.get(a).rows, (row) => { id[row] = b; }, `Renamed ${a} to ${b}`);
}
const remove = (a) => change(laneOf.get(a).rows, (row) => { alive[row] = 0; }, `Deleted ${a}`);
function undo() {
  for (const [row, oldId, oldAlive] of history.pop() || []) { id[row] = oldId; alive[row] = oldAlive; }
  say("Undone");
  rebuild();
}
function results() { // MOTChallenge rows: frame, id, x, y, w, h, score, class, -1, -1; as bytes, ten times as fast as texts
  const parts = [], bytes = new Uint8Array(PART + 256), COMMA = 44, END = [44, 45, 49, 44, 45, 49, 10]; // ",-1,-1\n"
  let at = 0;
  const whole = (k) => {
    let last = at;
    for (let rest = k; rest > 9; rest = Math.floor(rest / 10)) last++;
    at = last + 1;
    do { bytes[last--] = 48 + (k % 10); k = Math.floor(k / 10); } while (k);
  };
  const number = (value, unit) => { // rounded to 1 / unit, without zeros at the end
    let k = Math.round(Math.abs(value) * unit);
    if (value < 0 && k) bytes[at++] = 45;
    whole(Math.floor(k / unit));
    if ((k %= unit)) bytes[at++] = 46;
    while (k) { unit /= 10; bytes[at++] = 48 + Math.floor(k / unit); k %= unit; }
  };
  for (let r = 0; r < id.length; r++) if (alive[r]) {
    whole(frame[r]); bytes[at++] = COMMA; whole(id[r]);
    for (let k = 4 * r; k < 4 * r + 4; k++) { bytes[at++] = COMMA; number(box[k], 1e3); }
    bytes[at++] = COMMA; number(score[r], 1e6); bytes[at++] = COMMA; number(classId[r], 1);
    for (const byte of END) bytes[at++] = byte;
    if (at > PART) { parts.push(bytes.slice(0, at)); at = 0; }
  }
  return [...parts, bytes.slice(0, at)];
}
function save() {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(results(), { type: "text/plain" }));
  link.download = `${data.name}.txt`;
  link.click();
  say(`Saved ${link.download}`);
}

function fit(canvas, width, height) { // for sharp lines on dense screens
  const scale = window.devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
    canvas.width = Math.round(width * scale); canvas.height = Math.round(height * scale);
    canvas.style.width = `${width}px`; canvas.style.height = `${height}px`;
  }
  const pen = canvas.getContext("2d");
  pen.setTransform(scale, 0, 0, scale, 0, 0);
  pen.clearRect(0, 0, width, height);
  return pen;
}
function drawBoxes() {
  const stage = get("stage"), width = stage.clientWidth, k = width / data.size[0], pen = fit(get("boxes"), width, stage.clientHeight);
  pen.font = "bold 13px system-ui, sans-serif";
  const outline = (b, i, text, stroke, dash) => {
    const [x, y, w, h] = [b[4 * i] * k, b[4 * i + 1] * k, b[4 * i + 2] * k, b[4 * i + 3] * k];
    pen.setLineDash(dash); pen.strokeStyle = stroke; pen.strokeRect(x, y, w, h);
    const wide = pen.measureText(text).width + 8, top = Math.max(0, y - 18), left = Math.max(0, Math.min(x, width - wide));
    pen.fillStyle = stroke; pen.fillRect(left, top, wide, 18);
    pen.fillStyle = "#000"; pen.fillText(text, left + 4, top + 13);
  };
  for (let r = first[now]; r < first[now + 1]; r++) if (alive[r]) {
    pen.lineWidth = id[r] === chosen ? 4 : 2;
    outline(box, r, isFalse[r] ? `${id[r]} ✗` : `${id[r]}`, isFalse[r] ? "#ff5a5f" : colour(id[r]), score[r] === 0 ? [6, 4] : []);
  }
  pen.lineWidth = 2;
  if (marks) for (let r = firstMissed[now]; r < firstMissed[now + 1]; r++) outline(marks.missed.box, r, "?", "#ffb020", [3, 3]);
}
const toX = (f, width) => LABEL + ((f - from) / (to - from)) * (width - LABEL);
const kept = document.createElement("canvas"); // the lanes as drawn last: a frame adds only the cursor
let keptKey = "", edition = 0;
function drawTime() {
  const view = get("lanes"), width = view.clientWidth, height = view.clientHeight;
  const key = [width, height, window.devicePixelRatio, view.scrollTop, from, to, chosen, edition].join();
  if (key !== keptKey) drawLanes(fit(kept, width, height), width, height, view.scrollTop);
  keptKey = key;
  const pen = fit(get("time"), width, height);
  pen.drawImage(kept, 0, 0, width, height);
  pen.fillStyle = "#1d5fbf"; pen.fillRect(toX(now + 0.5, width) - 1, 0, 2, height);
}
function drawLanes(pen, width, height, top) { // only those in view
  const rowsAbove = marks ? 1 : 0;
  pen.font = "12px system-ui, sans-serif";
  if (marks && top < LANE) drawMisses(pen, width, -top);
  for (let i = Math.max(0, Math.floor(top / LANE) - rowsAbove); i < lanes.length; i++) {
    const lane = lanes[i], y = (i + rowsAbove) * LANE - top;
    if (y > height) break;
    if (lane.id === chosen) { pen.fillStyle = "#dfeaf9"; pen.fillRect(0, y, width, LANE); }
    pen.fillStyle = "#1c2127"; pen.fillText(lane.id, 6, y + 13);
    pen.fillStyle = pen.strokeStyle = colour(lane.id);
    for (const [a, b, filled] of lane.runs) if (b >= from && a < to) {
      const x = Math.max(LABEL, toX(a, width)), w = Math.max(1, toX(b + 1, width) - x);
      pen.globalAlpha = filled ? 0.3 : 1;
      pen.fillRect(x, y + (filled ? 6 : 4), w, filled ? 6 : 10);
      pen.globalAlpha = 1;
      if (filled) { pen.setLineDash([3, 2]); pen.strokeRect(x + 0.5, y + 5.5, w, 7); pen.setLineDash([]); }
    }
    pen.fillStyle = "#1c2127";
    for (const [a, before] of lane.refound) if (a >= from && a < to) {
      const x = toX(a, width);
      if (x - toX(before + 1, width) < SHORT_GAP) continue; // to be seen by zooming
      pen.beginPath(); pen.moveTo(x, y + 2); pen.lineTo(x + 7, y + 9); pen.lineTo(x, y + 16); pen.fill();
    }
  }
  if (marks) for (const [rows, ink, tall] of [[marks.falsePositive, "#d3212d", 4], [marks.switched, "#000", LANE]]) {
    pen.fillStyle = ink;
    for (const r of rows) if (alive[r] && frame[r] >= from && frame[r] < to) {
      const y = (laneIndex(id[r]) + 1) * LANE - top;
      if (y > -LANE && y < height) pen.fillRect(toX(frame[r], width), y + (tall === 4 ? 14 : 0), Math.max(2, tall === 4 ? toX(frame[r] + 1, width) - toX(frame[r], width) : 3), tall);
    }
  }
}
function laneIndex(k) {
  const lane = laneOf.get(k);
  if (lane.index === undefined) lanes.forEach((one, i) => { one.index = i; });
  return lane.index;
}
function drawMisses(pen, width, y) {
  pen.fillStyle = "#1c2127"; pen.fillText("missed", 4, y + 13);
  pen.fillStyle = "#d98200";
  for (let f = Math.floor(from); f < to; f++) if (firstMissed[f + 1] > firstMissed[f])
    pen.fillRect(toX(f, width), y + 4, Math.max(1, toX(f + 1, width) - toX(f, width)), 10);
}

let mapKey = "";
function drawMap() { // t-SNE: a dot for each box
  const canvas = get("points"), side = canvas.parentElement.clientWidth, key = [side, chosen, edition].join();
  if (key === mapKey) return;
  mapKey = key;
  const pen = fit(canvas, side, side);
  for (const own of [false, true]) embeddingMap.row.forEach((row, i) => { // the chosen identity on top
    if (!alive[row] || (id[row] === chosen) !== own) return;
    const [x, y] = mapPoint(i, side);
    pen.fillStyle = colour(id[row]); pen.beginPath(); pen.arc(x, y, own ? 6 : 3.5, 0, 7); pen.fill();
    if (own) { pen.strokeStyle = "#1c2127"; pen.lineWidth = 1.5; pen.stroke(); }
  });
}
const mapPoint = (i, side) => [8 + embeddingMap.xy[2 * i] * (side - 16), 8 + embeddingMap.xy[2 * i + 1] * (side - 16)];
function chooseOnMap(event) {
  const side = get("points").clientWidth;
  let best = -1, least = MAX_CLICK_DISTANCE ** 2;
  embeddingMap.row.forEach((row, i) => {
    const [x, y] = mapPoint(i, side), d = (x - event.offsetX) ** 2 + (y - event.offsetY) ** 2;
    if (alive[row] && d < least) { least = d; best = row; }
  });
  if (best >= 0) { choose(id[best]); go(frame[best]); }
}
let shownTrack;
function show() {
  get("where").textContent = `${now} / ${length}  ${times[now - 1] === undefined ? "" : times[now - 1].toFixed(2) + " s"}`;
  get("seek").value = now;
  drawBoxes(); drawTime();
  if (embeddingMap) drawMap();
  for (const name of ["merge", "split", "rename", "delete"]) get(name).disabled = chosen === null;
  get("undo").disabled = !history.length;
  const lane = laneOf.get(chosen);
  if (lane === shownTrack) return;
  shownTrack = lane;
  get("chosen").textContent = lane ? `Identity ${lane.id}: frames ${frame[lane.rows[0]]}–${frame[lane.rows[lane.rows.length - 1]]}` : "Click a box or a lane";
  get("crops").replaceChildren(...(lane ? lane.rows.filter((row) => data.crops[row]).map(cropOf) : []));
}
function cropOf(row) {
  const figure = document.createElement("figure"), image = new Image();
  image.src = `data:image/jpeg;base64,${data.crops[row]}`;
  image.alt = `identity ${id[row]} in frame ${frame[row]}`;
  figure.append(image, `${frame[row]}`);
  figure.onclick = () => go(frame[row]);
  return figure;
}
function go(f) {
  now = Math.min(length, Math.max(1, Math.round(f)));
  if (now < from || now >= to) { const span = to - from; from = Math.max(1, Math.min(now - span / 2, length + 1 - span)); to = from + span; }
  if (data.video) get("video").currentTime = times[now - 1] + 0.5 / rate; // the middle of the frame: safe from rounding
  else if (data.images[now]) get("image").src = `data:image/jpeg;base64,${data.images[now]}`;
  show();
}
function choose(k) {
  if (merging && chosen !== null && k !== null && k !== chosen) { merging = false; return merge(chosen, k); }
  merging = false; chosen = k; say(""); show();
}
function zoom(factor) {
  const span = Math.min(length, Math.max(10, (to - from) * factor));
  from = Math.max(1, Math.min(now - span / 2, length + 1 - span)); to = from + span;
  drawTime();
}
function tick() { // while playing
  if (!playing) return;
  if (data.video) {
    const seconds = get("video").currentTime;
    let low = 0, high = times.length - 1;
    while (low < high) { const middle = (low + high + 1) >> 1; if (times[middle] <= seconds + 1e-3) low = middle; else high = middle - 1; }
    if (now !== low + 1) { now = low + 1; show(); }
    if (get("video").ended) return play();
  } else {
    const passed = Math.floor(((performance.now() - playing) / 1000) * rate);
    if (passed > 0) { playing += (passed * 1000) / rate; go(now + passed); if (now === length) return play(); }
  }
  requestAnimationFrame(tick);
}
function play() {
  playing = playing ? false : performance.now();
  get("play").textContent = playing ? "Pause" : "Play";
  if (data.video) playing ? get("video").play().catch(reportPlayError) : get("video").pause();
  if (playing) requestAnimationFrame(tick);
}
const reportPlayError = (error) => { if (error.name !== "AbortError") say(`The video cannot be played: ${error.message}`); }; // AbortError: paused
const events = {
  starts: () => lanes.map((lane) => [lane.runs[0][0], lane.id]),
  ends: () => lanes.map((lane) => [lane.runs[lane.runs.length - 1][1], lane.id]),
  gaps: () => lanes.flatMap((lane) => lane.runs.slice(1).flatMap((run, i) =>
    run[0] - lane.runs[i][1] - 1 >= LONG_GAP_SECONDS * rate ? [[lane.runs[i][1] + 1, lane.id]] : [])),
  "re-detections": () => lanes.flatMap((lane) => lane.refound.map(([f]) => [f, lane.id])),
};
if (marks) {
  events.switches = () => Array.from(marks.switched, (row) => [frame[row], id[row]]);
  events["false positives"] = () => Array.from(marks.falsePositive, (row) => [frame[row], id[row]]);
  events.misses = () => Array.from(marks.missed.frame, (f) => [f, null]);
}
function jump(step) {
  const found = events[get("kind").value]().filter(([f]) => (step > 0 ? f > now : f < now));
  if (!found.length) return say(`No ${step > 0 ? "later" : "earlier"} ${get("kind").value}`);
  const [f, k] = found.reduce((a, b) => ((b[0] - a[0]) * step < 0 ? b : a));
  choose(k !== null && laneOf.has(k) ? k : chosen); go(f);
}
const ONE = { switches: "switch", misses: "miss", "false positives": "false positive" };
function listMoments() { // the seconds with most mistakes
  const bins = new Map();
  const count = (f, what) => {
    const key = Math.floor(times[f - 1]), bin = bins.get(key) || { at: f, all: 0, switches: 0, misses: 0, "false positives": 0 };
    bin[what]++; bin.all++; bin.at = Math.min(bin.at, f); bins.set(key, bin);
  };
  for (const r of marks.switched) count(frame[r], "switches");
  for (const r of marks.falsePositive) count(frame[r], "false positives");
  for (const f of marks.missed.frame) count(f, "misses");
  const entry = (text, f, k) => {
    const item = document.createElement("li"), button = document.createElement("button");
    button.textContent = text;
    button.onclick = () => { if (laneOf.has(k)) choose(k); go(f); };
    item.append(button);
    return item;
  };
  const switches = Array.from(marks.switched, (row, i) => entry(`frame ${frame[row]}: ${id[marks.from[i]]} becomes ${id[row]}`, frame[row], id[row]));
  const worst = [...bins].sort((a, b) => b[1].switches - a[1].switches || b[1].all - a[1].all).slice(0, MAX_MOMENTS);
  const seconds = worst.map(([second, bin]) => {
    const parts = Object.keys(ONE).filter((what) => bin[what]).map((what) => `${bin[what]} ${bin[what] === 1 ? ONE[what] : what}`);
    return entry(`second ${second}: ${parts.join(", ")}`, bin.at);
  });
  get("moments").replaceChildren(...seconds, ...switches.slice(0, MAX_SWITCHES));
  get("worst").hidden = false;
  get("legend").insertAdjacentHTML("beforeend", '<span><i class="switch"></i>switch</span> <span><i class="bad"></i>false positive (✗)</span> <span><i class="miss"></i>miss (?)</span>');
}
function fitLanes() { // all of them if they fit above the window's lower edge, a few at least
  const view = get("lanes"), rows = (lanes.length + (marks ? 1 : 0)) * LANE + 2, below = get("legend").offsetHeight + 28;
  const room = window.innerHeight - view.getBoundingClientRect().top - window.scrollY - below;
  view.style.height = `${Math.min(rows, Math.max(room, MIN_LANES))}px`;
}
function resize() { // the whole frame fits: by width, and by about half the window's height
  const stage = get("stage"), [w, h] = data.size, room = stage.parentElement.clientWidth;
  const width = Math.min(room, (window.innerHeight * 0.55 * w) / h);
  stage.style.width = `${width}px`; stage.style.height = `${(width * h) / w}px`;
  rebuild();
}
get("boxes").onclick = (event) => {
  const k = get("stage").clientWidth / data.size[0], x = event.offsetX / k, y = event.offsetY / k;
  let best = null, least = Infinity; // the smallest box there
  for (let r = first[now]; r < first[now + 1]; r++) {
    const [l, t, w, h] = box.subarray(4 * r, 4 * r + 4);
    if (alive[r] && x >= l && x <= l + w && y >= t && y <= t + h && w * h < least) { least = w * h; best = id[r]; }
  }
  choose(best);
};
get("time").onclick = (event) => {
  const lane = lanes[Math.floor((event.offsetY + get("lanes").scrollTop) / LANE) - (marks ? 1 : 0)];
  const f = Math.floor(from + ((event.offsetX - LABEL) / (get("time").clientWidth - LABEL)) * (to - from));
  if (lane) choose(lane.id);
  if (event.offsetX >= LABEL) go(f);
};
get("lanes").onscroll = drawTime;
get("back").onclick = () => go(now - 1);
get("next").onclick = () => go(now + 1);
get("play").onclick = play;
get("seek").max = length;
get("seek").oninput = () => go(+get("seek").value);
get("before").onclick = () => jump(-1);
get("after").onclick = () => jump(1);
get("in").onclick = () => zoom(0.5);
get("out").onclick = () => zoom(2);
get("merge").onclick = () => { merging = true; say(`Click the identity that is the same as ${chosen}`); };
get("split").onclick = () => split(chosen, now);
get("rename").onclick = () => { const text = prompt(`New number of ${chosen}`, chosen); if (text !== null) rename(chosen, +text); };
get("delete").onclick = () => remove(chosen);
get("undo").onclick = undo;
get("save").onclick = save;
document.onkeydown = (event) => {
  if (event.target.matches("select, input, button")) return;
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (step) go(now + step);
  if (event.key === " ") { event.preventDefault(); play(); }
};
get("title").textContent = document.title = data.name;
for (const kind of Object.keys(events)) get("kind").add(new Option(kind));
get("video").hidden = !data.video; get("image").hidden = !Object.keys(data.images).length;
if (data.video) {
  get("video").onerror = () => { get("note").hidden = false; get("note").textContent = `This browser cannot play ${data.video}: make the page with --embed`; };
  get("video").src = data.video;
}
if (marks) listMoments();
if (embeddingMap) { get("map").hidden = false; get("points").onclick = chooseOnMap; }
window.onresize = resize;
resize();
go(1);
