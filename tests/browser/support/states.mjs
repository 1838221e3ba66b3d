//! The states of the chat page, each reached as somebody reaches it.

import assert from 'node:assert/strict';
import { answerState, send } from './browser.mjs';
import { CORPUS } from './markdown.mjs';

const HEADINGS = ['## Second\n\ntext\n\n#### Fourth\n\n', 'text\n\n# First\n\n', '### Third\n\nend'];

export const RICH = [
  '<think>hm</think># Head\n\n',
  CORPUS.table,
  '\n\n```rust\nfn main() {}\n```\n\n- [x] done\n\n![pic](https://x.example/a.png) [link](https://x.example)\n',
];

/** Each state of the chat page, one after the other. */
export const STATES = {
  empty: async () => {},
  'a finished answer with everything in it': async (page, fake) => {
    fake.onChat = async (stream) => {
      await stream.say(...RICH);
      await stream.done();
    };
    await send(page, 'q');
    await answerState(page, 'done');
    await page.waitForSelector('.hljs-keyword');
  },
  'an answer that begins with a second heading': async (page, fake) => {
    fake.onChat = async (stream) => {
      await stream.say(...HEADINGS);
      await stream.done();
    };
    await send(page, 'q');
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
    await send(page, 'q');
    await page.waitForSelector('[data-state="streaming"]');
  },
  thinking: async (page, fake) => {
    fake.onChat = async (stream) => {
      await stream.think('Let me see. ');
      await stream.closed;
    };
    await send(page, 'q');
    await page.waitForSelector('[data-state="thinking"]');
  },
  queued: async (page, fake) => {
    fake.onChat = async (stream) => {
      await stream.place(3, { queued: 7, etaSeconds: 40 });
      await stream.closed;
    };
    await send(page, 'q');
    await page.waitForSelector('[data-state="queued"]');
  },
  stopped: async (page, fake) => {
    await STATES.streaming(page, fake);
    await page.click('#send');
    await answerState(page, 'stopped');
  },
  'line full': async (page, fake) => {
    fake.onChat = (stream) => stream.refuse(429, 'queue_full', { 'retry-after': '60' });
    await send(page, 'q');
    await page.waitForSelector('.card');
  },
  'server down': async (page, fake) => {
    fake.onChat = (stream) => stream.refuse(503, 'upstream_down');
    fake.health = { status: 'down', upstreams: [] };
    await send(page, 'q');
    await page.waitForSelector('.card');
    await page.waitForSelector('#banner:not([hidden])');
  },
  interrupted: async (page, fake) => {
    fake.onChat = async (stream) => {
      await stream.say('Half');
      await stream.error('the runner stopped');
    };
    await send(page, 'q');
    await page.waitForSelector('.card');
  },
  'key dialog': async (page, fake) => {
    fake.key = 'right';
    await send(page, 'q');
    await page.locator('#key-dialog').waitFor();
  },
  'settings dialog': async (page) => {
    await page.click('#open-settings');
    await page.locator('#settings-dialog').waitFor();
  },
  'tuning dialog': async (page) => {
    await page.click('#open-tuning');
    await page.locator('#tuning-dialog').waitFor();
  },
  'help dialog': async (page) => {
    await page.click('#open-help');
    await page.locator('#help-dialog').waitFor();
  },
  'model dialog': async (page, fake) => {
    await STATES.stopped(page, fake);
    await page.click('[data-action="retry-with"]');
    await page.locator('#model-dialog').waitFor();
  },
  'prompts dialog': async (page) => {
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
    await send(page, 'q');
    await page.locator('#context').waitFor();
  },
  'delete dialog': async (page, fake) => {
    await STATES.stopped(page, fake);
    await page.hover('.chat-item');
    await page.click('.chat-item [data-action="remove"]');
    await page.locator('#ask-dialog').waitFor();
  },
  editing: async (page, fake) => {
    await STATES.stopped(page, fake);
    await page.locator('.user').hover();
    await page.click('.user [data-action="edit"]');
  },
};
