// Plays what it is given, in order, and says when it has come to a mark.
//
// A little is collected before playing begins, and again when the network was too slow: so unevenness is not heard.
// A mark at the end of the queue says that no more is to come, so what is there is played at once.

const LEAD_SECONDS = 0.12;
const FADE_SECONDS = 0.006;

class Player extends AudioWorkletProcessor {
  constructor({ processorOptions: { rate } }) {
    super();
    this.step = rate / sampleRate; // source samples for each sample that is played; 1 as a rule
    this.lead = LEAD_SECONDS * rate;
    this.fade = Math.round(FADE_SECONDS * sampleRate);
    this.queue = []; // Float32Array, or a mark's number
    this.waiting = 0; // samples in the queue
    this.position = 0; // in the first piece
    this.playing = false;
    this.last = 0; // the sample played before
    this.fading = 0; // samples that are left of a fade after a clear
    this.port.onmessage = ({ data }) => this.take(data);
  }

  take(data) {
    if (data === "clear") {
      this.queue = [];
      this.waiting = this.position = 0;
      this.fading = this.playing ? this.fade : 0;
      this.playing = false;
    } else {
      this.queue.push(data);
      if (data.length) this.waiting += data.length;
    }
  }

  process(_inputs, [[output]]) {
    let at = 0;
    for (; this.fading && at < output.length; at += 1) {
      this.fading -= 1;
      output[at] = this.last * (this.fading / this.fade);
    }
    const ends = typeof this.queue.at(-1) === "number";
    if (!this.playing && (ends || this.waiting >= this.lead)) this.playing = true;
    if (this.playing) this.fill(output, at);
    return true;
  }

  fill(output, at) {
    while (this.queue.length) {
      const piece = this.queue[0];
      if (typeof piece === "number") {
        this.port.postMessage(piece);
        this.queue.shift();
        continue;
      }
      for (; at < output.length && this.position < piece.length; at += 1, this.position += this.step) {
        output[at] = this.last = this.sample(piece);
      }
      if (this.position < piece.length) return;
      this.position -= piece.length;
      this.waiting -= piece.length;
      this.queue.shift();
      if (at === output.length) return this.marks();
    }
    this.playing = false; // all is played, or the network is behind
  }

  // What stands behind audio that has just been played to its end.
  marks() {
    while (typeof this.queue[0] === "number") this.port.postMessage(this.queue.shift());
  }

  sample(piece) {
    const index = Math.floor(this.position);
    const part = this.position - index;
    if (!part) return piece[index];
    const following = index + 1 < piece.length ? piece[index + 1] : piece[index];
    return piece[index] + part * (following - piece[index]);
  }
}

registerProcessor("player", Player);
