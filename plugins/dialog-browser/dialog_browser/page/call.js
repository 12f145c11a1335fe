// One call: a ticket, a socket, the microphone and the loudspeaker.

import { openMicrophone, openSpeaker, playsOpus } from "./sound.js";

// Bytes that may wait for the network, some ten seconds of audio. With more the line is as good as lost: nobody waits
// so long for an answer.
const BUFFERED_MOST = 640_000;

// What goes wrong before or during a call; `kind` is a key of the page's explanations.
export class Trouble extends Error {
  constructor(kind) {
    super(kind);
    this.kind = kind;
  }
}

export class Call {
  // tell: called with each message of the server, and with {type: "lost"} if the socket is.
  constructor(tell) {
    this.tell = tell;
    this.muted = false;
    this.over = false;
    this.levels = { caller: () => this.microphone?.meter.level() ?? 0, agent: () => this.speaker?.meter.level() ?? 0 };
  }

  // Raises Trouble.
  async begin(password) {
    if (!window.isSecureContext) throw new Trouble("insecure");
    if (!navigator.mediaDevices?.getUserMedia || !window.AudioWorkletNode) throw new Trouble("browser");
    try {
      this.microphone = await openMicrophone((piece) => this.send(piece));
      this.microphone.onlost(() => this.fail("unplugged"));
      const ticket = await askForTicket(password);
      const codecs = (await playsOpus()) ? ["opus", "pcm16"] : ["pcm16"];
      await this.connect(ticket, { type: "config", rate: this.microphone.rate, codecs });
    } catch (error) {
      await this.close();
      throw error instanceof Trouble ? error : new Trouble(kindOf(error));
    }
  }

  connect(ticket, config) {
    const url = new URL(`talk/${ticket}`, location.href);
    url.protocol = url.protocol.replace("http", "ws");
    const socket = new WebSocket(url);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    this.work = Promise.resolve();
    return new Promise((resolve, reject) => {
      socket.onopen = () => socket.send(JSON.stringify(config));
      socket.onmessage = ({ data }) => {
        // One after the other: the loudspeaker opens while speech is on its way.
        this.work = this.work.then(() => this.take(data)).then(resolve, (error) => {
          reject(error);
          this.fail("failed");
        });
      };
      socket.onclose = () => {
        reject(new Trouble("connection"));
        this.work = this.work.then(() => this.fail("lost"));
      };
    });
  }

  async take(data) {
    if (this.over) return;
    if (typeof data !== "string") {
      this.speaker?.play(data);
      return;
    }
    const message = JSON.parse(data);
    if (message.type === "session") {
      this.speaker = await openSpeaker(message, (id) => this.report({ type: "mark", id }));
      this.codec = message.codec;
      this.begun = true;
    } else if (message.type === "mark") {
      this.speaker?.mark(message.id);
      return;
    } else if (message.type === "clear") {
      this.speaker?.clear();
      return;
    } else if (message.type === "ended") {
      if (!this.begun) throw new Trouble("failed");
      await this.close();
    }
    this.tell(message);
  }

  send(piece) {
    if (!this.begun || this.muted) return;
    if (this.socket.bufferedAmount > BUFFERED_MOST) this.fail("lost");
    else this.report(piece);
  }

  report(what) {
    if (this.socket?.readyState !== WebSocket.OPEN) return;
    this.socket.send(what instanceof Float32Array ? what : JSON.stringify(what));
  }

  mute(on) {
    this.muted = on;
    this.microphone.mute(on);
    this.report({ type: on ? "mute" : "unmute" });
  }

  press(digit) {
    this.report({ type: "key", digit });
  }

  async hangUp() {
    if (this.over) return;
    this.report({ type: "stop" });
    await this.close();
    this.tell({ type: "ended", reason: "hangup" });
  }

  async fail(kind) {
    if (this.over) return;
    const begun = this.begun;
    await this.close();
    if (begun) this.tell({ type: "lost", kind });
  }

  async close() {
    this.over = true;
    if (this.socket) {
      this.socket.onclose = this.socket.onmessage = null;
      this.socket.close(1000);
    }
    await Promise.all([this.microphone?.close(), this.speaker?.close()]);
  }
}

async function askForTicket(password) {
  let answer;
  try {
    answer = await fetch("ticket", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ password }),
    });
  } catch {
    throw new Trouble("unreachable");
  }
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Trouble(body.error ?? "failed");
  return body.ticket;
}

// The standard's names for why there is no microphone, and our own for a server that has gone.
function kindOf(error) {
  switch (error?.name) {
    case "NotAllowedError":
    case "SecurityError":
      return "denied";
    case "NotFoundError":
    case "OverconstrainedError":
      return "nothing";
    case "NotReadableError":
    case "AbortError":
      return "busy";
    case "Unreachable":
      return "unreachable";
    default:
      return "failed";
  }
}
