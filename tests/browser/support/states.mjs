//! The states of the chat page, each reached as somebody reaches it.

import assert from 'node:assert/strict';
import { answerState } from './browser.mjs';
import { CORPUS } from './markdown.mjs';

const HEADINGS = ['## Second\n\ntext\n\n#### Fourth\n\n', 'text\n\n# First\n\n', '### Third\n\nend'];

const DOT = 'iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAE0lEQVR4nGPgqjgBRAwiFSeACAAhiAU9F6/a1QAAAABJRU5ErkJggg==';

export const RICH = [
  '<think>hm</think># Head\n\n',
  CORPUS.table,
  '\n\n```rust\nfn main() {}\n```\n\n- [x] done\n\n![pic](https://x.example/a.png) [link](https://x.example)\n',
];

const QUESTION = 'How does a lock on a canal work?';

/** On a touch screen Enter is a new line. */
async function send(page, text) {
  await page.fill('#composer-text', text);
  await page.click('#send');
}

/** Opens the list, which a narrow page hides. */
async function openList(page) {
  if ((await page.getAttribute('#app', 'data-sidebar')) === 'closed') await page.click('#menu');
}

/** Each state of the chat page, one after the other. */
export const STATES = {
  empty: async () => {},
  'a finished answer with everything in it': async (page, fake) => {
    fake.onChat = async (stream) => {
      await stream.say(...RICH);
      await stream.done();
    };
    await send(page, QUESTION);
    await answerState(page, 'done');
    await page.waitForSelector('.hljs-keyword');
  },
  'an answer that begins with a second heading': async (page, fake) => {
    fake.onChat = async (stream) => {
      await stream.say(...HEADINGS);
      await stream.done();
    };
    await send(page, QUESTION);
    await answerState(page, 'done');
    const levels = await page
      .locator('.assistant .text :is(h3, h4, h5, h6)')
      .evaluateAll((all) => all.map((one) => one.tagName));
    assert.deepEqual(levels, ['H3', 'H4', 'H3', 'H4']);
  },
  streaming: async (page, fake) => {
    fake.onChat = async (stream) => {
      await stream.say('Some words ', 'and **more** ');
      await stream.closed;
    };
    await send(page, QUESTION);
    await page.waitForSelector('[data-state="streaming"]');
  },
  thinking: async (page, fake) => {
    fake.onChat = async (stream) => {
      await stream.think('Let me see. ');
      await stream.closed;
    };
    await send(page, QUESTION);
    await page.waitForSelector('[data-state="thinking"]');
  },
  queued: async (page, fake) => {
    fake.line = { activeRequests: 4, queuedRequests: 7, maxConcurrent: 4 };
    fake.onChat = async (stream) => {
      await stream.place(3, { queued: 7, etaSeconds: 40 });
      await stream.closed;
    };
    await send(page, QUESTION);
    await page.waitForSelector('[data-state="queued"]');
  },
  stopped: async (page, fake) => {
    await STATES.streaming(page, fake);
    await page.click('#send');
    await answerState(page, 'stopped');
  },
  'line full': async (page, fake) => {
    fake.line = { activeRequests: 4, queuedRequests: 64, maxConcurrent: 4 };
    fake.onChat = (stream) => stream.refuse(429, 'queue_full', { 'retry-after': '60' });
    await send(page, QUESTION);
    await page.waitForSelector('.card');
  },
  'server down': async (page, fake) => {
    fake.onChat = (stream) => stream.refuse(503, 'upstream_down');
    fake.health = { status: 'down', upstreams: [] };
    await send(page, QUESTION);
    await page.waitForSelector('.card');
    await page.waitForSelector('#banner:not([hidden])');
  },
  interrupted: async (page, fake) => {
    fake.onChat = async (stream) => {
      await stream.say('Half');
      await stream.error('the runner stopped');
    };
    await send(page, QUESTION);
    await page.waitForSelector('.card');
  },
  'key dialog': async (page, fake) => {
    fake.key = 'right';
    await send(page, QUESTION);
    await page.locator('#key-dialog').waitFor();
  },
  'settings dialog': async (page) => {
    await openList(page);
    await page.click('#open-settings');
    await page.locator('#settings-dialog').waitFor();
  },
  'tuning dialog': async (page) => {
    await page.click('#open-tuning');
    await page.locator('#tuning-dialog').waitFor();
  },
  'help dialog': async (page) => {
    await page.evaluate(() => document.activeElement.blur());
    await page.keyboard.press('?');
    await page.locator('#help-dialog').waitFor();
  },
  'model dialog': async (page, fake) => {
    await STATES.stopped(page, fake);
    await page.click('[data-action="retry-with"]');
    await page.locator('#model-dialog').waitFor();
  },
  'prompts dialog': async (page) => {
    await openList(page);
    await page.click('#open-prompts');
    await page.fill('#prompt-name', 'tone');
    await page.fill('#prompt-text', 'Friendlier: ');
    await page.click('#prompt-save');
    await page.locator('#prompt-list li').waitFor();
  },
  palette: async (page) => {
    await page.keyboard.press('Control+k');
    await page.locator('#palette [role=option]').first().waitFor();
  },
  'context full': async (page, fake) => {
    fake.onChat = async (stream) => {
      await stream.say('Yes.');
      await stream.done({ prompt_cut: { prompt_tokens: 9, num_ctx: 5 } });
    };
    await send(page, QUESTION);
    await page.locator('#context').waitFor();
  },
  'delete dialog': async (page, fake) => {
    await STATES.stopped(page, fake);
    await openList(page);
    await page.hover('.chat-item');
    await page.click('.chat-item [data-action="remove"]');
    await page.locator('#ask-dialog').waitFor();
  },
  editing: async (page, fake) => {
    await STATES.stopped(page, fake);
    await page.locator('.user').hover();
    await page.click('.user [data-action="edit"]');
  },
  'queued, with a reason and a model that would begin sooner': async (page, fake) => {
    fake.line = { activeRequests: 4, queuedRequests: 7, maxConcurrent: 4 };
    fake.onChat = async (stream) => {
      const alternatives = [{ model: 'llama3.2:3b', etaSeconds: 4 }];
      await stream.place(5, { queued: 7, ahead: 4, etaRange: [40, 70] });
      await stream.place(3, {
        ...{ queued: 7, ahead: 2, etaRange: [40, 70], reason: 'model_loading', model: 'qwen3:8b', alternatives },
      });
      await stream.closed;
    };
    await send(page, QUESTION);
    await page.locator('[data-action=take-model]').waitFor();
  },
  'in another tab': async (page, fake) => {
    fake.onChat = async (stream) => {
      await stream.say('Some words ');
      await stream.closed;
    };
    const other = await page.context().newPage();
    await other.goto(fake.url);
    await other.waitForSelector('html[data-ready]');
    await send(other, 'asked in the other tab');
    await other.waitForSelector('[data-state="streaming"]');
    await openList(page);
    await page.locator('.chat-open').getByText('asked in the other tab', { exact: true }).click();
    await page.waitForSelector('[data-state="elsewhere"]');
  },
  'two versions of an answer that was waited for': async (page, fake) => {
    fake.onChat = async (stream) => {
      await stream.say(`The answer is ${fake.chats.length}.`);
      await stream.done({ model: 'qwen3:8b', waited: { ms: 48_200, answers: 3, changes: [22_300] } });
    };
    await send(page, QUESTION);
    await answerState(page, 'done');
    await page.click('.assistant [data-action="retry"]');
    await page.locator('.assistant .version', { hasText: '2 / 2' }).waitFor();
    await answerState(page, 'done');
  },
  'cut by its limit': async (page, fake) => {
    fake.onChat = async (stream) => {
      await stream.say('And so it goes on and');
      await stream.done({ done_reason: 'length' });
    };
    await send(page, QUESTION);
    await page.locator('.assistant .mark').waitFor();
  },
  formulas: async (page, fake) => {
    fake.onChat = async (stream) => {
      await stream.say('By \\( a^2 + b^2 = c^2 \\) it is $5:\n\n\\[ \\int_0^1 x^2\\,dx = \\tfrac13 \\]\n\nThe end.');
      await stream.done();
    };
    await send(page, QUESTION);
    await answerState(page, 'done');
    await page.waitForSelector('math');
  },
  'files attached': async (page) => {
    await page.setInputFiles('#attach-file', [
      { name: 'notes.md', mimeType: '', buffer: Buffer.from('# Notes\nOne line.\n') },
      { name: 'dot.png', mimeType: 'image/png', buffer: Buffer.from(DOT, 'base64') },
    ]);
    await page.locator('#attachments li').waitFor();
  },
  undo: async (page, fake) => {
    await STATES['cut by its limit'](page, fake);
    await page.locator('.assistant [data-action="delete"]').click();
    await page.locator('#undo-note').waitFor();
  },
  'kept for the session': async (page, fake) => {
    fake.health = { ...fake.health, pageHistory: 'session' };
    await page.reload();
    await page.waitForSelector('#fine-print[data-brief]');
  },
  'a key is needed': async (page, fake) => {
    fake.key = 'right';
    await page.reload();
    await page.locator('#empty-key').waitFor();
  },
  'no model yet': async (page, fake) => {
    fake.health = { ...fake.health, model: 'qwen3:1.7b' };
    fake.tags = { models: [] };
    await page.reload();
    await page.locator('#empty-model').waitFor();
  },
  'a name that the server does not answer to': async (page, fake) => {
    fake.health = { code: 'host_not_allowed', error: 'this server does not answer to the name "chat.school.example"' };
    await page.reload();
    await page.locator('#only').waitFor();
  },
};
