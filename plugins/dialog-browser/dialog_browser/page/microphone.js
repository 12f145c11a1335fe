// Hands the microphone's samples over in pieces of 20 ms.

class Microphone extends AudioWorkletProcessor {
  constructor() {
    super();
    this.piece = new Float32Array(Math.round(sampleRate * 0.02));
    this.filled = 0;
  }

  process([[samples]]) {
    if (!samples) return true; // no microphone is connected yet
    for (let start = 0; start < samples.length; ) {
      const taken = samples.subarray(start, start + this.piece.length - this.filled);
      this.piece.set(taken, this.filled);
      this.filled += taken.length;
      start += taken.length;
      if (this.filled === this.piece.length) {
        this.port.postMessage(this.piece.slice());
        this.filled = 0;
      }
    }
    return true;
  }
}

registerProcessor("microphone", Microphone);
