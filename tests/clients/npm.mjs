// The clients from npm, as they are, streaming and not. `SLUICE_URL` says where; argument: how many rounds run side by side.
import { createRequire } from 'node:module';

const require = createRequire(`${process.cwd()}/package.json`);
const { Ollama } = require('ollama');
const { default: OpenAI } = require('openai');

const url = process.env.SLUICE_URL;
const model = 'llama3.2';
const messages = [{ role: 'user', content: 'Hello' }];
const expected = process.env.EXPECTED;
const warnings = [];
process.on('warning', (warning) => warnings.push(warning));
const ollama = new Ollama({ host: url });
const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'unused', maxRetries: 0 });

const calls = {
  'ollama chat': async () => (await ollama.chat({ model, messages })).message.content,
  'ollama chat stream': async () => {
    let text = '';
    let done = false;
    for await (const part of await ollama.chat({ model, messages, stream: true })) {
      text += part.message.content;
      done = part.done;
    }
    return done ? text : `not done: ${text}`;
  },
  'ollama generate': async () => (await ollama.generate({ model, prompt: 'Hello' })).response,
  'ollama generate stream': async () => {
    let text = '';
    for await (const part of await ollama.generate({ model, prompt: 'Hello', stream: true })) text += part.response;
    return text;
  },
  'openai chat': async () => {
    const { choices, usage } = await openai.chat.completions.create({ model, messages });
    return choices[0].finish_reason === 'stop' && usage.total_tokens > 0 ? choices[0].message.content : 'no end';
  },
  'openai chat stream': async () => {
    let text = '';
    let usage;
    const options = { model, messages, stream: true, stream_options: { include_usage: true } };
    for await (const chunk of await openai.chat.completions.create(options)) {
      text += chunk.choices[0]?.delta.content ?? '';
      usage = chunk.usage ?? usage;
    }
    return usage?.total_tokens > 0 ? text : 'no usage';
  },
  'openai completion': async () => (await openai.completions.create({ model, prompt: 'Hello' })).choices[0].text,
  'openai response': async () => (await openai.responses.create({ model, input: 'Hello' })).output_text,
  'openai response stream': async () => {
    let text = '';
    for await (const event of await openai.responses.create({ model, input: 'Hello', stream: true })) {
      if (event.type === 'response.output_text.delta') text += event.delta;
    }
    return text;
  },
};
const embeddings = {
  'ollama embed': async () => (await ollama.embed({ model, input: ['a', 'b'] })).embeddings.length,
  'openai embeddings': async () => (await openai.embeddings.create({ model, input: ['a', 'b'] })).data.length,
};

const run = (expects) => async ([name, call]) => {
  const got = await call().catch((error) => `${error}`);
  const fine = got === expects;
  console.log(`${fine ? 'ok' : 'FAILED'} npm ${name}${fine ? '' : `: ${JSON.stringify(got)}`}`);
  return fine;
};
const outcomes = await Promise.all([
  ...Object.entries(calls).map(run(expected)),
  ...Object.entries(embeddings).map(run(2)),
]);
if (warnings.length > 0) console.log(`FAILED npm warnings: ${warnings.join('; ')}`);
process.exit(outcomes.every(Boolean) && warnings.length === 0 ? 0 : 1);
