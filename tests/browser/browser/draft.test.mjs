//! What is typed belongs to its conversation: until it is taken, through refusals, switches and reloads.

import assert from 'node:assert/strict';
import {
  answerState,
  askToDelete,
  browserTest,
  composerText,
  fillIn,
  hide,
  messages,
  openChat,
  reload,
  send,
  signal,
  titles,
  until,
  useBrowser,
} from '../support/browser.mjs';
import { everything } from '../support/walk-look.mjs';

useBrowser();

/** Types as a person does, so that drafts are written meanwhile, and sends. */
async function typeAndSend(page, text) {
  await page.locator('#composer-text').pressSequentially(text, { delay: 40 });
  await page.waitForTimeout(400);
  await page.press('#composer-text', 'Enter');
}

const shows = (page, ...words) =>
  until(async () => (await messages(page)).join('|') === words.join('|'), words.join('|')).catch(async (error) =>
    assert.deepEqual(await messages(page), words, error.message),
  );

const written = (page) => page.waitForTimeout(1_300); // longer than changes are gathered

browserTest('an edit that is refused has changed nothing on disk', async ({ page, fake }) => {
  await send(page, 'first');
  await answerState(page, 'done');
  await send(page, 'second');
  await until(() => fake.chats.length === 2);
  await answerState(page, 'done');
  fake.onChat = (stream) => stream.refuse(429, 'queue_full');
  await page.locator('.user').first().hover();
  await page.locator('.user [data-action="edit"]').first().click();
  await send(page, 'first, better');
  await page.waitForSelector('.card[data-code="queue_full"]');
  await shows(page, 'first', 'Hello there.', 'second', 'Hello there.');
  await written(page);
  await reload(page);
  await answerState(page, 'done');
  await shows(page, 'first', 'Hello there.', 'second', 'Hello there.');
  await fillIn(page, 'first, better');
  assert.equal(await page.locator('#edit-note').isVisible(), true);
});

browserTest('a question that was sent is not in the next new conversation', async ({ page }) => {
  await typeAndSend(page, 'once only');
  await answerState(page, 'done');
  await page.click('#new-chat');
  await page.locator('#empty').waitFor();
  await page.waitForTimeout(500);
  assert.equal(await composerText(page), '');
  await reload(page);
  assert.equal(await composerText(page), '');
});

browserTest("another tab does not begin with this tab's half sentence", async ({ page, open }) => {
  await page.fill('#composer-text', 'half a sen');
  await page.waitForTimeout(600);
  const other = await open();
  assert.equal(await composerText(other), '');
  await until(async () => (await titles(other)).join() === 'Draft: half a sen');
});

browserTest('a draft that its tab has emptied goes from the list of the other tab', async ({ page, open }) => {
  const other = await open('/');
  await page.fill('#composer-text', 'half a sen');
  await other.locator('.chat-open', { hasText: 'half a sen' }).waitFor();
  await page.fill('#composer-text', '');
  await other.locator('.chat-open', { hasText: 'half a sen' }).waitFor({ state: 'detached' });
});

browserTest(
  'a half sentence in a new conversation is kept as a draft when another new one is begun',
  async ({ page }) => {
    await page.fill('#composer-text', 'half a sen');
    await page.click('#new-chat');
    await fillIn(page, '');
    await until(async () => (await titles(page)).join() === 'Draft: half a sen');
    await page.click('.chat-open');
    await fillIn(page, 'half a sen');
  },
);

browserTest('what was being typed when an edit began is there again once the edit is sent', async ({ page, fake }) => {
  await send(page, 'first');
  await answerState(page, 'done');
  await page.fill('#composer-text', 'half a thought');
  await page.locator('.user').hover();
  await page.click('.user [data-action="edit"]');
  await send(page, 'first, better');
  await until(() => fake.chats.length === 2);
  await answerState(page, 'done');
  await fillIn(page, 'half a thought');
});

browserTest('a key sends again what was refused, never the words of another conversation', async ({ page, fake }) => {
  await send(page, 'first');
  await answerState(page, 'done');
  const refuse = signal();
  fake.onChat = async (stream) => {
    await refuse;
    stream.refuse(401, 'unauthorized');
  };
  await page.locator('.user').hover();
  await page.click('.user [data-action="edit"]');
  await send(page, 'first, better');
  await until(() => fake.chats.length === 2);
  await page.click('#new-chat');
  await page.locator('#empty').waitFor();
  await page.fill('#composer-text', 'not to be sent');
  refuse.fire();
  await page.locator('#key-dialog').waitFor();
  fake.onChat = async (stream) => {
    await stream.say('Better.');
    await stream.done();
  };
  await page.fill('#key-input', 'right');
  await page.keyboard.press('Enter');
  await until(() => fake.chats.length === 3);
  assert.deepEqual(fake.chats[2].messages, [{ role: 'user', content: 'first, better' }]);
  assert.equal(await composerText(page), 'not to be sent');
});

browserTest("one conversation's words never become another's draft", async ({ page, fake }) => {
  const refuse = signal();
  fake.onChat = async (stream) => {
    await refuse;
    stream.refuse(429, 'queue_full');
  };
  await send(page, 'words of A');
  await until(() => fake.chats.length === 1);
  await page.click('#new-chat');
  await page.locator('#empty').waitFor();
  await page.locator('#composer-text').pressSequentially('b', { delay: 30 });
  await page.keyboard.press('Backspace');
  refuse.fire();
  await page.waitForTimeout(500);
  await reload(page);
  assert.equal(await composerText(page), '');
  await openChat(page, 'Draft: words of A');
  await fillIn(page, 'words of A');
});

browserTest('a refused "go on" is tried again as that, and the part is kept', async ({ page, fake }) => {
  fake.onChat = async (stream) => {
    await stream.say('One, two');
    await stream.end();
  };
  await send(page, 'count');
  await answerState(page, 'interrupted');
  fake.onChat = (stream) => stream.refuse(503, 'upstream_busy');
  await page.click('.card [data-action="continue"]');
  await page.waitForSelector('.card[data-code="upstream_busy"]');
  fake.onChat = async (stream) => {
    await stream.say(', three.');
    await stream.done();
  };
  await page.click('.card .card-way');
  await shows(page, 'count', 'One, two, three.');
  assert.equal(fake.chats.at(-1).messages.at(-1).content, 'One, two');
});

browserTest(
  'an image belongs to the draft: it is there after a switch and a reload, and it goes out',
  async ({ page, fake }) => {
    await send(page, 'one');
    await answerState(page, 'done');
    const png = Buffer.from(
      'iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAE0lEQVR4nGPgqjgBRAwiFSeACAAhiAU9F6/a1QAAAABJRU5ErkJggg==',
      'base64',
    );
    await page.setInputFiles('#attach-file', { name: 'a.png', mimeType: 'image/png', buffer: png });
    await page.waitForSelector('#attachments li');
    await page.click('#new-chat');
    await page.waitForSelector('#attachments', { state: 'hidden' });
    await openChat(page, 'one');
    await page.waitForSelector('#attachments li img');
    await page.waitForTimeout(500);
    await reload(page);
    await page.waitForSelector('#attachments li img');
    await send(page, 'look');
    await until(() => fake.chats.length === 2);
    assert.equal(fake.chats[1].messages.at(-1).images.length, 1);
  },
);

/**
 * Types at a moment: two tabs that are told one after the other would hear of each other's words between the two.
 *
 * @param {import('playwright-core').Page} tab
 * @param {string} text
 * @param {number} at
 */
function typeAt(tab, text, at) {
  return tab.evaluate(
    ([text, at]) =>
      new Promise((done) => {
        const type = () => {
          const field = /** @type {HTMLTextAreaElement} */ (document.querySelector('#composer-text'));
          field.value = text;
          field.dispatchEvent(new Event('input', { bubbles: true }));
          done(null);
        };
        setTimeout(type, at - Date.now());
      }),
    /** @type {[string, number]} */ ([text, at]),
  );
}

browserTest('what is typed in two tabs at once is all kept', async ({ page, open }) => {
  await send(page, 'one');
  await answerState(page, 'done');
  const other = await open(await page.evaluate(() => `/${location.hash}`));
  const at = Date.now() + 1_500;
  await Promise.all([typeAt(page, 'left', at), typeAt(other, 'right', at)]);
  for (const tab of [page, other]) {
    await until(async () => (await composerText(tab)).split('\n\n').sort().join() === 'left,right', 'both words');
  }
  await other.close();
  await reload(page);
  await until(async () => (await composerText(page)).split('\n\n').sort().join() === 'left,right', 'both words');
});

browserTest(
  'what is typed in a conversation that is deleted does not push out what is typed in a new one',
  async ({ page }) => {
    await page.fill('#composer-text', 'new');
    await page.click('#new-chat');
    await fillIn(page, '');
    await send(page, 'one');
    await answerState(page, 'done');
    await page.click('#new-chat');
    await page.fill('#composer-text', 'newer');
    await openChat(page, 'one');
    await fillIn(page, '');
    await page.fill('#composer-text', 'half');
    await askToDelete(page.locator('.chat-item[data-current]'));
    await page.click('#ask-yes');
    await fillIn(page, 'half');
    await until(async () => (await titles(page)).sort().join() === 'Draft: new,Draft: newer', 'both drafts');
  },
);

browserTest('what another tab had typed when it was closed is there when one comes back', async ({ page, open }) => {
  await send(page, 'one');
  await answerState(page, 'done');
  const other = await open(await page.evaluate(() => `/${location.hash}`));
  await hide(page, true);
  await other.locator('#composer-text').pressSequentially('half a sen', { delay: 10 });
  await other.close({ runBeforeUnload: false });
  await until(
    async () =>
      Array.from((await everything(page)).values())
        .join()
        .includes('half a sen'),
    'it is left',
  );
  await hide(page, false);
  await fillIn(page, 'half a sen');
});

/** Writes a system prompt into the settings of the shown conversation. */
async function setSystem(page, text) {
  await page.click('#open-tuning');
  await page.locator('#tuning-dialog').waitFor();
  await page.fill('#tuning-system', text);
  await page.click('#tuning-dialog button[type=submit]');
  await page.locator('#tuning-dialog').waitFor({ state: 'hidden' });
}

browserTest('what is typed keeps its model and its settings, though nothing was said yet', async ({ page, fake }) => {
  const kept = (words) =>
    until(
      async () =>
        Array.from(await everything(page))
          .join()
          .includes(words),
      `${words} is kept`,
    );
  await until(async () => (await page.locator('#model option').count()) === 3);
  await page.selectOption('#model', 'qwen3:8b');
  await setSystem(page, 'Be brief.');
  await page.fill('#composer-text', 'Half a question');
  await kept('Half a question');
  await reload(page);
  assert.equal(await composerText(page), 'Half a question');
  await page.click('#new-chat');
  await until(async () => (await page.locator('#model option').count()) === 3);
  await page.selectOption('#model', 'llama3.2:3b');
  await send(page, 'one');
  await answerState(page, 'done');
  await openChat(page, 'Draft: Half a question');
  await until(async () => (await page.inputValue('#model')) === 'qwen3:8b', 'its model');
  await page.press('#composer-text', 'Enter');
  await answerState(page, 'done');
  const { model, messages } = fake.chats.at(-1);
  assert.deepEqual([model, messages[0]], ['qwen3:8b', { role: 'system', content: 'Be brief.' }]);
});

browserTest('settings alone are kept too, and a new conversation begins without them', async ({ page, fake }) => {
  await setSystem(page, 'Answer in rhymes.');
  await page.evaluate(() => window.dispatchEvent(new Event('pagehide')));
  await reload(page);
  await send(page, 'one');
  await answerState(page, 'done');
  assert.equal(fake.chats[0].messages[0].content, 'Answer in rhymes.');
  await page.click('#new-chat');
  await setSystem(page, 'Be a pirate.');
  await page.click('#new-chat');
  await send(page, 'two');
  await answerState(page, 'done');
  assert.equal(fake.chats[1].messages[0].content, 'two');
  await openChat(page, 'Draft: Be a pirate.');
  await send(page, 'three');
  await answerState(page, 'done');
  assert.equal(fake.chats[2].messages[0].content, 'Be a pirate.');
});
