// The microphone and the loudspeaker of a call.

const OPUS_RATE = 48000;

// Opens the microphone; what the browser throws is for the page to explain.
export async function openMicrophone(onPiece) {
  const stream = await navigator.mediaDevices.getUserMedia({
    audio: { channelCount: 1, echoCancellation: true, noiseSuppression: true, autoGainControl: true },
  });
  try {
    return await openWith(stream, onPiece);
  } catch (error) {
    for (const track of stream.getTracks()) track.stop();
    throw error;
  }
}

async function openWith(stream, onPiece) {
  const { context, source } = await listen(stream);
  await load(context, "microphone.js");
  const worklet = new AudioWorkletNode(context, "microphone", { numberOfOutputs: 0, channelCount: 1, channelCountMode: "explicit" });
  const meter = new Meter(context, source);
  source.connect(worklet);
  worklet.port.onmessage = ({ data }) => onPiece(data);
  return {
    rate: context.sampleRate,
    meter,
    mute(on) {
      for (const track of stream.getTracks()) track.enabled = !on;
    },
    onlost(tell) {
      for (const track of stream.getTracks()) track.onended = tell;
    },
    async close() {
      worklet.port.onmessage = null;
      for (const track of stream.getTracks()) {
        track.onended = null;
        track.stop();
      }
      if (context.state !== "closed") await context.close();
    },
  };
}

// A module that does not come means that the server has gone; the browser's own error would look like a microphone's.
async function load(context, module) {
  try {
    await context.audioWorklet.addModule(module);
  } catch (cause) {
    await context.close();
    throw Object.assign(new Error(`${module} cannot be loaded`, { cause }), { name: "Unreachable" });
  }
}

// 16 kHz is what recognisers want; a browser that cannot convert a microphone gives its own rate.
async function listen(stream) {
  for (const options of [{ sampleRate: 16000 }, {}]) {
    const context = new AudioContext(options);
    try {
      const source = context.createMediaStreamSource(stream);
      if (context.state === "suspended") await context.resume();
      return { context, source };
    } catch (error) {
      await context.close();
      if (!options.sampleRate) throw error;
    }
  }
}

// The loudspeaker. `onMark` is told the number of each mark when what is before it has sounded.
export async function openSpeaker({ codec, rate }, onMark) {
  const playing = codec === "opus" ? OPUS_RATE : rate;
  const context = new AudioContext({ sampleRate: playing });
  if (context.state === "suspended") await context.resume();
  await load(context, "player.js");
  const worklet = new AudioWorkletNode(context, "player", {
    numberOfInputs: 0,
    outputChannelCount: [1],
    processorOptions: { rate: playing },
  });
  const meter = new Meter(context, worklet);
  worklet.connect(context.destination);
  let timers = new Set();
  worklet.port.onmessage = ({ data }) => {
    const late = (context.outputLatency || context.baseLatency || 0) * 1000;
    const timer = setTimeout(() => {
      timers.delete(timer);
      onMark(data);
    }, late);
    timers.add(timer);
  };
  const push = (piece) => worklet.port.postMessage(piece, piece.buffer ? [piece.buffer] : []);
  const decoder = codec === "opus" ? new OpusDecoder(push) : new SampleDecoder(push);
  return {
    meter,
    play: (data) => decoder.play(data),
    mark: (number) => decoder.mark(number),
    clear() {
      decoder.clear();
      for (const timer of timers) clearTimeout(timer);
      timers = new Set();
      worklet.port.postMessage("clear");
    },
    async close() {
      decoder.close();
      if (context.state !== "closed") await context.close();
    },
  };
}

// Whether this browser can play Opus packets.
export async function playsOpus() {
  if (!("AudioDecoder" in window)) return false;
  const config = { codec: "opus", sampleRate: OPUS_RATE, numberOfChannels: 1 };
  return (await AudioDecoder.isConfigSupported(config).catch(() => ({}))).supported === true;
}

class SampleDecoder {
  constructor(push) {
    this.push = push;
  }

  play(data) {
    const view = new DataView(data);
    const piece = new Float32Array(data.byteLength / 2);
    for (let at = 0; at < piece.length; at += 1) piece[at] = view.getInt16(2 * at, true) / 32768;
    this.push(piece);
  }

  mark(number) {
    this.push(number);
  }

  clear() {}

  close() {}
}

// Packets become sound a moment later, so marks wait until what was before them has come out.
class OpusDecoder {
  constructor(push) {
    this.push = push;
    this.open();
  }

  open() {
    this.given = this.done = 0;
    this.marks = [];
    const decoder = new AudioDecoder({
      output: (sound) => {
        const piece = new Float32Array(sound.numberOfFrames);
        sound.copyTo(piece, { planeIndex: 0, format: "f32-planar" });
        sound.close();
        if (decoder === this.decoder) this.come(piece);
      },
      error: () => {
        if (decoder === this.decoder) this.open();
      },
    });
    decoder.configure({ codec: "opus", sampleRate: OPUS_RATE, numberOfChannels: 1 });
    this.decoder = decoder;
  }

  play(data) {
    this.decoder.decode(new EncodedAudioChunk({ type: "key", timestamp: this.given * 20000, data }));
    this.given += 1;
  }

  mark(number) {
    this.marks.push({ number, after: this.given });
    this.settle();
  }

  come(piece) {
    this.push(piece);
    this.done += 1;
    this.settle();
  }

  settle() {
    while (this.marks.length && this.marks[0].after <= this.done) this.push(this.marks.shift().number);
  }

  clear() {
    this.close();
    this.open();
  }

  close() {
    if (this.decoder.state !== "closed") this.decoder.close();
  }
}

// Loudness, 0 to 1, as the ear takes it: 60 dB below full scale is nothing.
class Meter {
  constructor(context, source) {
    this.analyser = context.createAnalyser();
    this.analyser.fftSize = 1024;
    this.samples = new Float32Array(this.analyser.fftSize);
    source.connect(this.analyser);
  }

  rms() {
    this.analyser.getFloatTimeDomainData(this.samples);
    return Math.sqrt(this.samples.reduce((sum, each) => sum + each * each, 0) / this.samples.length);
  }

  level() {
    return Math.min(1, Math.max(0, 1 + (20 * Math.log10(this.rms() + 1e-9) + 10) / 50));
  }
}
