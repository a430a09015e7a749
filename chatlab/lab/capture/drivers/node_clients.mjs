// One call by each of Node's HTTP clients and LLM SDKs, told as one line of JSON.
import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import path from 'node:path';

const [program, url, rawKnobs] = process.argv.slice(2);
const knobs = JSON.parse(rawKnobs);
const asked = { model: 'gpt-5-mini', messages: [{ role: 'user', content: 'Weather?' }] };
const payload = JSON.stringify(asked);
const target = knobs.proxy ? 'http://api.example.com/v1/chat/completions' : url;
const sdkBase = url.replace(/\/chat\/completions$/, '');
const headers = { 'content-type': 'application/json' };
const ms = (name, otherwise = 15) => Math.round((knobs[name] ?? otherwise) * 1000);

async function loaded(name) {
  try {
    return await import(name);
  } catch (error) {
    if (error.code === 'ERR_MODULE_NOT_FOUND') throw new Missing(name);
    throw error;
  }
}
class Missing extends Error {}

function signal() {
  if (knobs.cancel_after_s) {
    const controller = new AbortController();
    setTimeout(() => controller.abort(), ms('cancel_after_s'));
    return controller.signal;
  }
  if (knobs.deadline_s) return AbortSignal.timeout(ms('deadline_s'));
  return undefined;
}

async function read(response) {
  if (!response.ok) {
    const error = new Error(`HTTP ${response.status} ${response.statusText}`);
    error.name = 'Error';
    error.seen = { status: response.status, headers: Object.fromEntries(response.headers), body: await response.text() };
    throw error;
  }
  return knobs.stream ? response.text() : response.json();
}

async function undiciPackage() {
  const undici = await loaded('undici');
  const timers = {
    headersTimeout: ms('read_timeout_s'),
    bodyTimeout: ms('read_timeout_s'),
    connect: { timeout: ms('connect_timeout_s'), rejectUnauthorized: !knobs.http2 },
    allowH2: Boolean(knobs.http2),
  };
  const dispatcher = knobs.proxy ? new undici.ProxyAgent(new URL(url).origin) : new undici.Agent(timers);
  return read(await undici.fetch(target, { method: 'POST', body: payload, headers, dispatcher, signal: signal() }));
}

function nodeHttp() {
  return new Promise((resolve, reject) => {
    const library = url.startsWith('https') ? https : http;
    const request = library.request(url, { method: 'POST', headers, timeout: ms('read_timeout_s'), signal: signal() });
    request.on('error', reject);
    request.on('timeout', () => request.destroy(new Error('socket timeout')));
    request.on('response', (response) => {
      let text = '';
      response.on('data', (piece) => { text += piece; });
      response.on('error', reject);
      response.on('end', () => {
        try { resolve(JSON.parse(text)); } catch (error) { reject(error); }
      });
    });
    request.end(payload);
  });
}

async function drain(stream) {
  for await (const piece of stream) void piece;
}

async function openai(api) {
  const { default: OpenAI } = await loaded('openai');
  const client = new OpenAI({ apiKey: 'sk-none', baseURL: sdkBase, maxRetries: 0, timeout: ms('read_timeout_s') });
  const options = { signal: signal() };
  if (api === 'responses') {
    const given = { model: 'gpt-5-mini', input: 'Weather?', stream: Boolean(knobs.stream) };
    const answer = await client.responses.create(given, options);
    return knobs.stream ? drain(answer) : answer;
  }
  const answer = await client.chat.completions.create({ ...asked, stream: Boolean(knobs.stream) }, options);
  return knobs.stream ? drain(answer) : answer;
}

async function anthropic() {
  const { default: Anthropic } = await loaded('@anthropic-ai/sdk');
  const client = new Anthropic({ apiKey: 'none', baseURL: sdkBase.replace(/\/v1$/, ''), maxRetries: 0, timeout: ms('read_timeout_s') });
  const given = { model: 'claude-sonnet-4-5', max_tokens: 64, messages: asked.messages };
  const answer = knobs.stream
    ? client.messages.stream(given, { signal: signal() }).finalMessage()
    : client.messages.create(given, { signal: signal() });
  return answer;
}

async function aiSdk(provider) {
  const ai = await loaded('ai');
  const model = provider === 'anthropic'
    ? (await loaded('@ai-sdk/anthropic')).createAnthropic({ apiKey: 'none', baseURL: sdkBase })('claude-sonnet-4-5')
    : (await loaded('@ai-sdk/openai')).createOpenAI({ apiKey: 'none', baseURL: sdkBase }).chat('gpt-5-mini');
  const given = { model, prompt: 'Weather?', maxRetries: knobs.retries ?? 0, abortSignal: signal() };
  if (!knobs.stream) return ai.generateText(given);
  let failed;
  const result = ai.streamText({ ...given, onError: ({ error }) => { failed = error; } });
  for await (const part of result.fullStream) if (part.type === 'error') failed = part.error;
  if (failed) throw failed;
  return undefined;
}

async function googleGenai() {
  const { GoogleGenAI } = await loaded('@google/genai');
  const client = new GoogleGenAI({ apiKey: 'none', httpOptions: { baseUrl: new URL(url).origin, timeout: ms('read_timeout_s') } });
  return client.models.generateContent({ model: 'gemini-2.5-flash', contents: 'Weather?' });
}

const calls = {
  'node-fetch-builtin': ['node', async () => read(await fetch(url, { method: 'POST', body: payload, headers, signal: signal() }))],
  'node-undici': ['undici', undiciPackage],
  'node-http': ['node', nodeHttp],
  'node-axios': ['axios', async () => {
    const { default: axios } = await loaded('axios');
    const proxy = knobs.proxy ? { host: new URL(url).hostname, port: Number(new URL(url).port) } : false;
    const timeout = ms('read_timeout_s', knobs.connect_timeout_s ?? 15);
    const answer = await axios.post(target, asked, { timeout, proxy, signal: signal(), responseType: 'json', transitional: { silentJSONParsing: false } });
    return answer.data;
  }],
  'node-node-fetch': ['node-fetch', async () => {
    const { default: nodeFetch } = await loaded('node-fetch');
    return read(await nodeFetch(url, { method: 'POST', body: payload, headers, signal: signal() }));
  }],
  'node-got': ['got', async () => {
    const { default: got } = await loaded('got');
    const timeout = { response: ms('read_timeout_s'), connect: ms('connect_timeout_s'), read: ms('read_timeout_s') };
    return got.post(url, { json: asked, retry: { limit: 0 }, timeout, signal: signal(), http2: Boolean(knobs.http2), https: { rejectUnauthorized: !knobs.http2 } }).json();
  }],
  'node-openai': ['openai', () => openai('chat')],
  'node-openai-responses': ['openai', () => openai('responses')],
  'node-anthropic': ['@anthropic-ai/sdk', anthropic],
  'node-ai': ['ai', () => aiSdk('openai')],
  'node-ai-anthropic': ['ai', () => aiSdk('anthropic')],
  'node-google-genai': ['@google/genai', googleGenai],
};

function version(name) {
  if (name === 'node') return process.versions.node;
  const file = path.join(import.meta.dirname, 'node_modules', name, 'package.json');
  return JSON.parse(readFileSync(file, 'utf8')).version;
}

// What Node prints of an error, without frames: class, message, code, causes.
function said(error, indent = '') {
  if (!(error instanceof Error)) return `${indent}${String(error)}`;
  const stack = String(error.stack ?? error);
  const cutAt = stack.search(/\n\s+at /);
  let text = `${indent}${(cutAt < 0 ? stack : stack.slice(0, cutAt)).trim()}`;
  const code = error.code ? ` {\n${indent}  code: '${error.code}'\n${indent}}` : '';
  text += code;
  for (const inner of error.errors ?? []) text += `\n${indent}  [errors]: ${said(inner, `${indent}  `).trim()}`;
  if (error.cause) text += `\n${indent}  [cause]: ${said(error.cause, `${indent}  `).trim()}`;
  return text;
}

function told(error) {
  const response = error.response ?? {};
  const held = error.headers ?? error.responseHeaders ?? response.headers ?? {};
  const given = typeof held.entries === 'function' ? Object.fromEntries(held) : { ...held };
  const body = error.seen?.body ?? error.error ?? error.responseBody ?? response.data ?? response.body ?? null;
  const rich = error.cause || error.code || error.errors?.length;
  return {
    status: error.seen?.status ?? error.status ?? error.statusCode ?? response.status ?? null,
    headers: error.seen?.headers ?? given,
    body: body === '' ? null : body,
    exception: { type: error instanceof Error ? error.constructor.name : null, text: String(error.message ?? error) },
    text: rich ? said(error) : null,
  };
}

const [home, call] = calls[program];
let report;
try {
  report = { version: null };
  await call();
  report.passed = true;
} catch (error) {
  report = error instanceof Missing ? { missing: `npm install ${error.message}` } : { ...told(error) };
}
if (!report.missing) report.version = version(home);
process.stdout.write(`${JSON.stringify(report)}\n`, () => process.exit(0));
