// Clients from npm, as they are. `npm.mjs NAME` runs the calls of one, in the folder where it is installed. SERVERS is JSON: the name
// of a case and the address of the server that plays it. Says what came of each call, one line of JSON a call.
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const require = createRequire(`${process.cwd()}/package.json`);
const load = async (name) => {
  const module = await import(pathToFileURL(require.resolve(name)));
  return module.default && typeof module.default === 'object' ? { ...module.default, ...module } : module;
};
const model = 'llama3.2';
const messages = [{ role: 'user', content: 'Hello' }];

const gather = async (parts, text) => {
  let whole = '';
  for await (const part of parts) whole += text(part) ?? '';
  return whole;
};

const CLIENTS = {
  async ollama() {
    const { Ollama } = await load('ollama');
    const client = (host) => new Ollama({ host });
    return {
      chat: async (url) => (await client(url).chat({ model, messages })).message?.content,
      'chat, streamed': async (url) =>
        gather(await client(url).chat({ model, messages, stream: true }), (part) => part.message.content),
      generate: async (url) => (await client(url).generate({ model, prompt: 'Hello' })).response,
    };
  },
  async openai() {
    const { OpenAI } = await load('openai');
    const client = (url) => new OpenAI({ baseURL: `${url}/v1`, apiKey: 'unused', maxRetries: 0 });
    return {
      chat: async (url) => (await client(url).chat.completions.create({ model, messages })).choices[0].message.content,
      'chat, streamed': async (url) =>
        gather(
          await client(url).chat.completions.create({ model, messages, stream: true }),
          (chunk) => chunk.choices[0]?.delta.content,
        ),
      response: async (url) => (await client(url).responses.create({ model, input: 'Hello' })).output_text,
    };
  },
  async '@langchain/ollama'() {
    const { ChatOllama } = await load('@langchain/ollama');
    const llm = (baseUrl) => new ChatOllama({ model, baseUrl, maxRetries: 0 });
    return {
      invoke: async (url) => (await llm(url).invoke('Hello')).content,
      stream: async (url) => gather(await llm(url).stream('Hello'), (chunk) => chunk.content),
    };
  },
  async '@langchain/openai'() {
    const { ChatOpenAI } = await load('@langchain/openai');
    const llm = (url) =>
      new ChatOpenAI({ model, apiKey: 'unused', maxRetries: 0, configuration: { baseURL: `${url}/v1` } });
    return {
      invoke: async (url) => (await llm(url).invoke('Hello')).content,
      stream: async (url) => gather(await llm(url).stream('Hello'), (chunk) => chunk.content),
    };
  },
  async '@llamaindex/ollama'() {
    const { Ollama } = await load('@llamaindex/ollama');
    const llm = (host) => new Ollama({ model, config: { host } });
    return {
      chat: async (url) => (await llm(url).chat({ messages })).message.content,
      'chat, streamed': async (url) => gather(await llm(url).chat({ messages, stream: true }), (part) => part.delta),
    };
  },
  async 'ai-sdk-ollama'() {
    const { generateText, streamText } = await load('ai');
    const { createOllama } = await load('ai-sdk-ollama');
    return aiSdk(generateText, streamText, (baseURL) => createOllama({ baseURL })(model));
  },
  async 'ollama-ai-provider-v2'() {
    const { generateText, streamText } = await load('ai');
    const { createOllama } = await load('ollama-ai-provider-v2');
    return aiSdk(generateText, streamText, (url) => createOllama({ baseURL: `${url}/api` })(model));
  },
  async '@ai-sdk/openai-compatible'() {
    const { generateText, streamText } = await load('ai');
    const { createOpenAICompatible } = await load('@ai-sdk/openai-compatible');
    return aiSdk(generateText, streamText, (url) =>
      createOpenAICompatible({ name: 'sluice', baseURL: `${url}/v1` })(model),
    );
  },
  async 'genkitx-ollama'() {
    const { genkit } = await load('genkit');
    const { ollama } = await load('genkitx-ollama');
    const make = (serverAddress) => genkit({ plugins: [ollama({ models: [{ name: model }], serverAddress })] });
    return {
      generate: async (url) => (await make(url).generate({ model: `ollama/${model}`, prompt: 'Hello' })).text,
      'generate, streamed': async (url) => {
        const { stream, response } = make(url).generateStream({ model: `ollama/${model}`, prompt: 'Hello' });
        const text = await gather(stream, (chunk) => chunk.text);
        await response;
        return text;
      },
    };
  },
};

function aiSdk(generateText, streamText, languageModel) {
  return {
    generateText: async (url) =>
      (await generateText({ model: languageModel(url), prompt: 'Hello', maxRetries: 0 })).text,
    streamText: async (url) => {
      let error;
      const result = streamText({
        model: languageModel(url),
        prompt: 'Hello',
        maxRetries: 0,
        onError: (event) => (error = event.error),
      });
      const text = await gather(result.textStream, (part) => part);
      if (error) throw error;
      return text;
    },
  };
}

// What a client writes by itself is no line of ours.
const say = console.log.bind(console);
console.log = console.error;
process.on('unhandledRejection', () => {});
const calls = await CLIENTS[process.argv[2]]();
const jobs = Object.entries(JSON.parse(process.env.SERVERS)).flatMap(([name, url]) =>
  Object.entries(calls).map(async ([call, ask]) => {
    const said = await ask(url).then(
      (text) => ({ text }),
      (error) => ({ error: `${error?.name ?? 'Error'}: ${error?.message ?? error}` }),
    );
    say(JSON.stringify({ case: name, call, ...said }));
  }),
);
await Promise.all(jobs);
process.exit(0);
