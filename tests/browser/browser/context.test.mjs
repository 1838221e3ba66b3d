//! What the server tells of its models: how much they read at once, which are loaded, and which would begin sooner.

import assert from 'node:assert/strict';
import {
  answerState,
  answerText,
  browserTest,
  messages,
  reload,
  send,
  until,
  useBrowser,
} from '../support/browser.mjs';

useBrowser();

const knows = (models, health = {}) => ({
  setUp: (fake) => {
    fake.queue = { active: 0, queued: 0, models };
    fake.health = { ...fake.health, ...health };
  },
});
const note = (page) => page.locator('#context');
const says = (page, text) =>
  until(async () => (await note(page).innerText()).includes(text), text).catch(async (error) =>
    assert.equal(await note(page).innerText(), text, error.message),
  );

browserTest(
  'nobody is told how full the context is while there is room, and everybody once half of it is used',
  async ({ page, fake }) => {
    const answerOf = (count) => async (stream) => {
      await stream.say('Yes.');
      await stream.done({ prompt_eval_count: count, eval_count: 100 });
    };
    fake.onChat = answerOf(300);
    await send(page, 'one');
    await answerState(page, 'done');
    assert.equal(await note(page).isVisible(), false);
    fake.onChat = answerOf(500);
    await send(page, 'two');
    await says(page, '600 of the 1,000 tokens');
    fake.onChat = answerOf(950);
    await send(page, 'three');
    await says(page, 'no longer read');
    await page.click('#new-chat');
    await note(page).waitFor({ state: 'hidden' });
  },
  knows([{ name: 'm', numCtx: 1_000 }], { model: 'm', numCtx: 9_000 }),
);

browserTest(
  'a server that tells nothing of each model has told its own context',
  async ({ page, fake }) => {
    fake.onChat = async (stream) => {
      await stream.say('Yes.');
      await stream.done({ prompt_eval_count: 3_000 });
    };
    await send(page, 'one');
    await says(page, 'of the 4,096 tokens');
  },
  { setUp: (fake) => (fake.health = { ...fake.health, numCtx: 4_096 }) },
);

browserTest(
  "a conversation's settings show what holds where they are left empty",
  async ({ page }) => {
    await page.click('#open-tuning');
    await page.locator('#tuning-dialog').waitFor();
    assert.equal(await page.getAttribute('#tuning-temperature', 'placeholder'), '0.7');
    assert.equal(await page.getAttribute('#tuning-seed', 'placeholder'), '');
  },
  { setUp: (fake) => (fake.health = { ...fake.health, defaults: { temperature: 0.7 } }) },
);

browserTest('an answer to a prompt that was cut says that the oldest messages are not read', async ({ page, fake }) => {
  fake.onChat = async (stream) => {
    await stream.say('Yes.');
    await stream.done({ prompt_cut: { prompt_tokens: 3_499, num_ctx: 512 } });
  };
  await send(page, 'one');
  await says(page, 'no longer read');
});

browserTest(
  'another model answers again, beside the first answer; a loaded one is marked',
  async ({ page, fake }) => {
    await send(page, 'one');
    await answerState(page, 'done');
    fake.onChat = async (stream) => {
      await stream.say(`I am ${stream.body.model}.`);
      await stream.done();
    };
    await page.locator('[data-action="retry-with"]').click();
    await page.locator('#model-dialog button').getByText('llama3.2:3b', { exact: true }).waitFor();
    await page.locator('#model-dialog button', { hasText: 'qwen3:8b · ready' }).click();
    await until(async () => (await answerText(page)) === 'I am qwen3:8b.', 'the other model');
    await page.waitForSelector('.assistant[data-state="done"]');
    assert.equal(await page.locator('.assistant .version').innerText(), '2 / 2');
    assert.equal(await page.inputValue('#model'), '', "the conversation's own model stays");
    assert.deepEqual(await messages(page), ['one', 'I am qwen3:8b.']);
  },
  knows([
    { name: 'qwen3:8b', loaded: [0], warm: false },
    { name: 'llama3.2:3b', loaded: [], warm: true }, // kept warm by the operator's wish, and not loaded yet
  ]),
);

browserTest('an answer that was waited for says what it waited for, also after a reload', async ({ page, fake }) => {
  fake.onChat = async (stream) => {
    await stream.say('Yes.');
    await stream.done({ waited: { ms: 48_200, answers: 3, changes: [20_000, 2_300], text: 'in English' } });
  };
  await send(page, 'one');
  const said = '48 s in line · after 3 answers of others · 22 s of model changes'; // rounded as the server rounds;
  await page.locator('.assistant .stats', { hasText: said }).waitFor({ state: 'attached' });
  await reload(page);
  await page.locator('.assistant .stats', { hasText: said }).waitFor({ state: 'attached' });
});

browserTest('the models are there before the server has told which are loaded', async ({ page }) => {
  await page.route('**/api/queue', () => {}); // never answered
  await reload(page);
  await page.waitForSelector('#model option[value="qwen3:8b"]', { state: 'attached' });
});

browserTest('who waits sees why and how many are ahead, and one button takes another model', async ({ page, fake }) => {
  fake.onChat = async (stream) => {
    if (stream.body.model === 'llama3.2:3b') {
      await stream.say('At once.');
      return stream.done();
    }
    await stream.place(3, {
      model: 'qwen3:8b',
      reason: 'model_loading',
      ahead: 2,
      etaRange: [40, 70],
      alternatives: [{ model: 'llama3.2:3b', etaSeconds: 4 }],
    });
  };
  await send(page, 'one');
  await page.getByText('Loading qwen3:8b. 2 people are ahead of you.').waitFor();
  await page.getByText('Your turn in 40–70 s, as it looks now').waitFor();
  await page.getByRole('button', { name: 'Answer with llama3.2:3b instead: begins in about 4 s' }).click();
  await answerState(page, 'done');
  assert.deepEqual(await messages(page), ['one', 'At once.']);
  await until(() => fake.aborted.length === 1, 'the place is given up');
  assert.equal(fake.chats.length, 2);
  await reload(page);
  await answerState(page, 'done');
  assert.deepEqual(await messages(page), ['one', 'At once.']);
});
