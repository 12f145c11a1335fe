// The page: shows a call and lets the visitor begin, mute and end it.

import { Call, Trouble } from "./call.js";

const TROUBLES = {
  denied: ["The microphone is blocked", "Allow it for this site: click the symbol beside the address, set Microphone to Allow, and press Talk again. On a phone, look in the browser's site settings."],
  nothing: ["No microphone was found", "Plug one in or switch one on, check that your system lists it as an input, and press Talk again."],
  busy: ["The microphone cannot be opened", "Another program may be using it. Close other calls and recorders, and press Talk again."],
  unplugged: ["The microphone has gone", "It was unplugged or switched off, so the call was ended. Connect it and press Talk again."],
  insecure: ["This address is not secure enough for a microphone", "Browsers allow one on https pages and on this machine itself. Open the page by its https address, or as http://localhost."],
  browser: ["This browser is too old", "It lacks what live audio needs. Use a current Chrome, Edge, Firefox or Safari."],
  unreachable: ["The server cannot be reached", "Check your network, and that the server is running; then press Talk again."],
  connection: ["The call could not be connected", "The server took the request but not the connection. A proxy in between must let WebSockets through. Then press Talk again."],
  lost: ["The connection was lost", "The network or the server went away in the middle of the call. Check your network and press Talk again: a new call begins."],
  full: ["All lines are busy", "The server has as many calls as it can hold. Wait a little and press Talk again."],
  asked: ["A password is needed", "The agent's operator has it. Type it in and press Talk."],
  password: ["The password is wrong", "Type it again, minding capitals, and press Talk."],
  wait: ["Too many wrong passwords", "Wait a minute, and press Talk again."],
  origin: ["This address is not the page's own", "Open the page at the address that the server printed when it started."],
  shut: ["This page answers its own machine only", "Its operator opens it to others with a password, or with open = true, in the settings."],
  failed: ["The call failed", "Press Talk to try again. If it keeps failing, the server's log says why."],
};

const STATES = {
  ready: "Ready when you are",
  connecting: "Connecting\u2026",
  listening: "Listening",
  thinking: "Thinking\u2026",
  speaking: "Speaking",
  ended: "The call has ended",
};

const find = (id) => document.getElementById(id);
const body = document.body;
const turns = new Map();
let call = null;
let wantsPassword = body.dataset.password === "yes";

// --- what is shown

function show(state) {
  body.dataset.state = state;
  const silent = call?.muted && state === "listening";
  find("state").textContent = silent ? "You are muted" : STATES[state];
}

// For who does not see the page. Who has the floor is not announced: it is heard.
function announce(what) {
  find("announcement").textContent = what;
}

function explain(kind) {
  const [what, todo] = TROUBLES[kind] ?? TROUBLES.failed;
  find("trouble").hidden = false;
  find("trouble").dataset.kind = kind;
  find("trouble-what").textContent = what;
  find("trouble-do").textContent = todo;
}

function turnOf(side, turn) {
  const key = `${side} ${turn}`;
  let item = turns.get(key);
  if (!item) {
    item = document.createElement("li");
    item.className = side;
    const who = document.createElement("span");
    who.className = "who";
    who.textContent = side === "caller" ? "You" : "Agent";
    const text = document.createElement("span");
    text.className = "text";
    item.append(who, text);
    turns.set(key, item);
    find("transcript").append(item);
  }
  return item;
}

function write({ side, turn, text, final }) {
  if (!text && final) {
    turns.get(`${side} ${turn}`)?.remove();
    turns.delete(`${side} ${turn}`);
    return;
  }
  const item = turnOf(side, turn);
  item.querySelector(".text").textContent = text;
  item.classList.toggle("open", !final);
  keepInView();
}

function remark(reply, words) {
  const item = turns.get(`agent ${reply}`);
  if (!item || item.querySelector(".note")) return;
  const note = document.createElement("span");
  note.className = "note";
  note.textContent = ` ${words}`;
  item.append(note);
}

function keepInView() {
  const log = find("transcript");
  log.scrollTop = log.scrollHeight;
}

function inCall(on) {
  body.toggleAttribute("data-call", on);
  body.removeAttribute("data-muted");
  for (const id of ["levels", "controls"]) find(id).hidden = !on;
  find("talk").disabled = on;
  find("talk-label").textContent = turns.size ? "Talk again" : "Talk";
  find("mute").setAttribute("aria-pressed", "false");
  find("mute").textContent = "Mute";
  find("door").hidden = on || !wantsPassword;
  if (!on) find("keypad").open = false;
}

// --- what happens

function take(message) {
  switch (message.type) {
    case "session":
      show("listening");
      break;
    case "done":
      show("listening");
      if (!message.heard) write({ side: "agent", turn: message.reply, text: "", final: true });
      break;
    case "thinking":
      show("thinking");
      break;
    case "speaking":
      show("speaking");
      write({ side: "agent", turn: message.reply, text: "" });
      break;
    case "barge-in":
      show("listening");
      remark(message.reply, "(interrupted)");
      break;
    case "transcript":
      write(message);
      break;
    case "ended":
      finish();
      show("ended");
      if (message.reason.startsWith("error")) explain("failed");
      break;
    case "lost":
      finish();
      show("ready");
      explain(message.kind);
      break;
  }
}

function finish() {
  call = null;
  const item = document.createElement("li");
  item.className = "ended";
  item.textContent = "Call ended";
  announce("The call has ended");
  find("transcript").append(item);
  for (const each of turns.values()) each.classList.remove("open");
  inCall(false);
  keepInView();
  find("talk").focus();
}

async function begin() {
  if (call) return;
  const password = find("password").value;
  if (wantsPassword && !password) {
    explain("asked");
    find("password").focus();
    return;
  }
  find("trouble").hidden = true;
  find("transcript").replaceChildren();
  turns.clear();
  call = new Call(take);
  find("talk").disabled = true;
  show("connecting");
  try {
    await call.begin(password);
    if (!call) return; // it ended at once
    inCall(true);
    announce("You are connected");
    find("hang-up").focus();
    requestAnimationFrame(draw);
  } catch (error) {
    const kind = error instanceof Trouble ? error.kind : "failed";
    call = null;
    if (kind === "password") wantsPassword = true;
    inCall(false);
    show("ready");
    explain(kind);
    if (kind === "password") find("password").select();
  }
}

function draw() {
  if (!call) {
    body.style.removeProperty("--level");
    return;
  }
  const [caller, agent] = [call.muted ? 0 : call.levels.caller(), call.levels.agent()];
  find("level-caller").value = caller;
  find("level-agent").value = agent;
  body.style.setProperty("--level", (body.dataset.state === "speaking" ? agent : caller).toFixed(3));
  requestAnimationFrame(draw);
}

function mute() {
  if (!call) return;
  const on = !call.muted;
  call.mute(on);
  body.toggleAttribute("data-muted", on);
  find("mute").setAttribute("aria-pressed", String(on));
  find("mute").textContent = on ? "Unmute" : "Mute";
  announce(on ? "You are muted" : "You are not muted");
  show(body.dataset.state);
}

// --- controls

find("talk").addEventListener("click", begin);
find("door").addEventListener("submit", (event) => {
  event.preventDefault();
  begin();
});
find("mute").addEventListener("click", mute);
find("hang-up").addEventListener("click", () => call?.hangUp());
find("keypad").addEventListener("toggle", keepInView);
for (const digit of "123456789*0#") {
  const key = document.createElement("button");
  key.type = "button";
  key.textContent = digit;
  key.addEventListener("click", () => call?.press(digit));
  document.querySelector(".keys").append(key);
}
window.addEventListener("pagehide", () => call?.hangUp());
inCall(false);
if (!window.isSecureContext) explain("insecure");

// What a test may want to know: the codec, and how loud both sides are by the analysers.
window.dialog = {
  codec: () => call?.codec ?? "",
  rms: () => ({ caller: call?.microphone?.meter.rms() ?? 0, agent: call?.speaker?.meter.rms() ?? 0 }),
};
