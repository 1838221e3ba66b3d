//! Keys, dialogs, pasting, focus: each thing that one does is for what one meant by it.

import assert from 'node:assert/strict';
import {
  answerState,
  browserTest,
  composerText,
  fillIn,
  messages,
  reload,
  send,
  signal,
  until,
  useBrowser,
} from '../support/browser.mjs';

useBrowser();

const PHONE = { viewport: { width: 390, height: 664 }, hasTouch: true, isMobile: true };
const focused = (page) => page.evaluate(() => document.activeElement.id || document.activeElement.className);

/** An answer that goes on until it is stopped. */
const endless = async (stream) => {
  await stream.say('words ');
  await stream.closed;
};

browserTest('Escape is for the nearest thing: the search, an edit, then the answer', async ({ page, fake }) => {
  await send(page, 'first');
  await answerState(page, 'done');
  await page.locator('.user').hover();
  await page.click('.user [data-action="edit"]');
  await page.keyboard.press('Escape');
  assert.equal(await page.locator('#edit-note').isVisible(), false);
  fake.onChat = endless;
  await send(page, 'second');
  await page.waitForSelector('[data-state="streaming"]');
  await page.fill('#chat-search', 'x');
  await page.press('#chat-search', 'Escape');
  await page.waitForTimeout(100);
  assert.equal(await page.locator('[data-state="streaming"]').count(), 1);
  await page.focus('#composer-text');
  await page.keyboard.press('Escape');
  await answerState(page, 'stopped');
});

browserTest('Escape does not give up a place in line without a question', async ({ page, fake }) => {
  fake.onChat = async (stream) => {
    await stream.place(3);
    await stream.closed;
  };
  await send(page, 'q');
  await page.waitForSelector('[data-state="queued"]');
  await page.keyboard.press('Escape');
  await page.locator('#ask-dialog').waitFor();
  await page.keyboard.press('Escape');
  assert.equal(await page.locator('[data-state="queued"]').count(), 1);
  await page.keyboard.press('Escape');
  await page.click('#ask-yes');
  await answerState(page, 'stopped');
});

browserTest(
  'the drawer of a phone: nothing behind it can be reached, Escape and a tap beside it close it, the answer goes on',
  async ({ page, fake }) => {
    fake.onChat = endless;
    await page.fill('#composer-text', 'q');
    await page.tap('#send');
    await page.waitForSelector('[data-state="streaming"]');
    await page.tap('#menu');
    assert.equal(await page.evaluate(() => document.getElementById('stage').inert), true);
    await page.keyboard.press('Escape');
    await page.locator('#sidebar').waitFor({ state: 'hidden' });
    await page.tap('#menu');
    await page.touchscreen.tap(370, 640); // where the composer's button is
    await page.locator('#sidebar').waitFor({ state: 'hidden' });
    assert.equal(await page.locator('[data-state="streaming"]').count(), 1);
    await page.tap('#send');
    await page.tap('#menu');
    await page.tap('#open-settings');
    await page.waitForSelector('#settings-dialog[open]');
    await page.locator('#sidebar').waitFor({ state: 'hidden' });
    const [dialog, close] = [page.locator('#settings-dialog'), page.locator('#settings-dialog .dialog-actions button')];
    const [frame, button] = [await dialog.boundingBox(), await close.boundingBox()];
    assert.ok(button.y + button.height <= frame.y + frame.height, 'the button that closes is in sight');
  },
  PHONE,
);

browserTest(
  'on a touch screen what is tapped is 44 px',
  async ({ page }) => {
    await page.fill('#composer-text', 'q');
    await page.tap('#send');
    await answerState(page, 'done');
    await page.tap('#menu');
    const small = await page.evaluate(() =>
      Array.from(document.querySelectorAll('button, a.quiet, #model'))
        .filter((node) => node.getClientRects().length > 0 && !node.closest('.versions, #starters'))
        .map((node) => ({
          name: node.id || node.dataset.action || node.className,
          height: node.getBoundingClientRect().height,
        }))
        .filter(({ height }) => height < 43.5),
    );
    assert.deepEqual(small, []);
  },
  PHONE,
);

browserTest('a dialog stays on a click in its padding, and when a selection is dragged out of it', async ({ page }) => {
  await page.click('#open-tuning');
  const dialog = page.locator('#tuning-dialog');
  await dialog.waitFor();
  await page.fill('#tuning-system', 'be brief');
  const box = await dialog.boundingBox();
  await page.mouse.click(box.x + 6, box.y + 6);
  assert.equal(await dialog.isVisible(), true);
  await page.mouse.move(box.x + 60, box.y + 120);
  await page.mouse.down();
  await page.mouse.move(box.x - 40, box.y + 120);
  await page.mouse.up();
  assert.equal(await dialog.isVisible(), true);
  await page.mouse.click(box.x - 40, box.y + 20);
  await dialog.waitFor({ state: 'hidden' });
});

browserTest(
  "a proxy's page in the place of the dialogs is none of them: the next press asks again",
  async ({ page }) => {
    let asked = 0;
    await page.route('**/more.html', (route) =>
      ++asked === 1
        ? route.fulfill({ status: 502, contentType: 'text/html', body: '<title>Bad Gateway</title>' })
        : route.continue(),
    );
    await page.click('#open-help');
    await until(() => asked === 1);
    await page.click('#open-help');
    await page.locator('#help-dialog').waitFor();
  },
  { allow: /no markup/ },
);

browserTest('the key: an odd one is refused with a word, and a key can be forgotten', async ({ page }) => {
  await page.click('#open-settings');
  await page.click('#change-key');
  await page.locator('#key-dialog').waitFor();
  assert.doesNotMatch(await page.locator('#key-text').innerText(), /did not accept/);
  await page.fill('#key-input', '“quoted”');
  await page.keyboard.press('Enter');
  await until(async () => /plain signs/.test(await page.locator('#key-fault').innerText()));
  await page.fill('#key-input', 'good');
  await page.keyboard.press('Enter');
  await until(() => page.evaluate(() => sessionStorage.getItem('sluice.key') === 'good'));
  await page.click('#open-settings');
  await page.click('#change-key');
  await page.click('#key-forget');
  await until(() => page.evaluate(() => !sessionStorage.getItem('sluice.key')));
});

/** Pastes text and a picture of it, as a table program does. */
const paste = (page, { text, file }) =>
  page.evaluate(
    ({ text, file }) => {
      const data = new DataTransfer();
      if (text) data.setData('text/plain', text);
      if (file) data.items.add(new File(['x'], file.name, { type: file.type }));
      const event = new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true });
      return document.getElementById('composer-text').dispatchEvent(event);
    },
    { text, file },
  );

browserTest(
  'cells that come with a picture of themselves are pasted as text; a file that cannot go along is named',
  async ({ page }) => {
    const goesOn = await paste(page, { text: 'a\tb', file: { name: 'cells.png', type: 'image/png' } });
    assert.equal(goesOn, true, 'the browser pastes the text');
    assert.equal(await paste(page, { file: { name: 'a.pdf', type: 'application/pdf' } }), false);
    await until(async () => /left out/.test(await page.locator('#composer-note').innerText()));
  },
);

browserTest('Enter while an answer runs says why nothing goes out, and keeps the words', async ({ page, fake }) => {
  fake.onChat = endless;
  await send(page, 'q');
  await page.waitForSelector('[data-state="streaming"]');
  await send(page, 'more');
  await until(async () => /still on its way/.test(await page.locator('#composer-note').innerText()));
  assert.equal(await composerText(page), 'more');
});

browserTest('the focus is somewhere sensible after what took its button away', async ({ page, fake }) => {
  await send(page, 'one');
  await answerState(page, 'done');
  await page.click('.assistant [data-action="delete"]');
  await until(async () => /message user/.test(await focused(page)));
  fake.onChat = (stream) => stream.refuse(503, 'upstream_busy');
  await send(page, 'two');
  await page.waitForSelector('.card');
  fake.onChat = endless;
  await page.click('.card .card-way');
  await page.waitForSelector('[data-state="streaming"]');
  assert.equal(await focused(page), 'send');
});

browserTest(
  '"Show earlier messages" moves nothing of what is seen, and nothing is folded away again',
  async ({ page, fake }) => {
    const id = (index) => index.toString(16).padStart(16, '0');
    const chat = {
      ...{ id: 'a'.repeat(16), version: 2, title: 'Long', created: 0, updated: 1, settingsAt: 1, leafAt: 1, model: '' },
      ...{ system: '', think: '', options: {}, pinned: false, leaf: id(200) },
      messages: Array.from({ length: 200 }, (_, index) => ({
        ...{ id: id(index + 1), parent: index ? id(index) : '', role: index % 2 ? 'assistant' : 'user', state: 'done' },
        ...{ content: `message ${index} **${'words '.repeat(40)}end**`, created: index, at: index },
      })),
    };
    await page.click('#open-settings');
    await page.locator('#settings-dialog').waitFor();
    const buffer = Buffer.from(JSON.stringify({ format: 'sluice-chats', version: 2, chats: [chat] }));
    await page.setInputFiles('#import-file', { name: 'x.json', mimeType: 'application/json', buffer });
    await page.waitForFunction(() => document.getElementById('settings-note').textContent !== '');
    await page.click('#settings-dialog button[type=submit]');
    await page.click('.chat-open');
    await until(async () => (await messages(page)).length === 60);
    await page.waitForSelector('.assistant strong');
    await page.evaluate(() => document.getElementById('scroller').scrollTo(0, 0));
    const top = () =>
      page.evaluate(() => document.querySelector(`[data-id="${'8d'.padStart(16, '0')}"]`).getBoundingClientRect().top);
    const before = await top();
    await page.click('#earlier');
    await until(async () => (await messages(page)).length === 120);
    assert.ok(Math.abs((await top()) - before) < 3, `moved by ${(await top()) - before} px`);
    await send(page, 'next');
    await until(() => fake.chats.length === 1);
    await answerState(page, 'done');
    assert.equal((await messages(page)).length, 122);
  },
);

browserTest(
  'words that fail to load once are fetched again',
  async ({ fake, context }) => {
    const page = await context.newPage();
    let failed = false;
    await page.route('**/i18n/en.json', (route) => (failed ? route.continue() : ((failed = true), route.abort())));
    await page.goto(fake.url);
    await page.waitForSelector('html[data-ready]');
    await until(async () => /Free just now/.test(await page.locator('#empty-now').innerText()));
  },
  { path: '' },
);

browserTest('printing shows the messages that were folded away, drawn', async ({ page }) => {
  const id = (index) => index.toString(16).padStart(16, '0');
  const messages = Array.from({ length: 100 }, (_, at) => ({
    ...{ id: id(at + 1), parent: at ? id(at) : '', created: at + 1, at: at + 1 },
    ...(at % 2 ? { role: 'assistant', state: 'done' } : { role: 'user' }),
    content: at < 20 ? `**${at}** in bold` : `${at} is plain`,
  }));
  const chat = {
    ...{ id: id(500), title: 'long', created: 1, updated: 1, settingsAt: 1, model: '', system: '', think: '' },
    ...{ options: {}, pinned: false, messages, leaf: id(100), leafAt: 1 },
  };
  const buffer = Buffer.from(JSON.stringify({ format: 'sluice-chats', version: 2, chats: [chat] }));
  await page.click('#open-settings');
  await page.setInputFiles('#import-file', { name: 'x.json', mimeType: 'application/json', buffer });
  await page.getByText('1 conversation imported.').first().waitFor();
  await page.keyboard.press('Escape');
  const fetched = page.waitForResponse('**/css/md.css');
  await page.locator('.chat-open', { hasText: 'long' }).click();
  await page.getByText('99 is plain').waitFor();
  assert.equal(await page.locator('.message').count(), 60);
  await fetched;
  await page.evaluate(() => import('/js/md/text.js').then(({ loadMarkdown }) => loadMarkdown()));
  await page.evaluate(() =>
    window.addEventListener('beforeprint', () => {
      const texts = Array.from(document.querySelectorAll('.message .text'), ({ textContent }) => textContent.trim());
      document.body.dataset.printed = JSON.stringify([texts.length, texts.filter((text) => text === '').length]);
    }),
  );
  await page.pdf({ format: 'A4' });
  assert.equal(await page.evaluate(() => document.body.dataset.printed), '[100,0]');
  assert.equal(await page.locator('.assistant strong').count(), 10);
});

browserTest('a conversation is printed whole', async ({ page, fake }) => {
  fake.onChat = async (stream) => {
    await stream.say(...Array.from({ length: 200 }, (_, index) => `Paragraph ${index}.\n\n`));
    await stream.done();
  };
  await send(page, 'q');
  await answerState(page, 'done');
  const pdf = (await page.pdf({ format: 'A4' })).toString('latin1');
  assert.ok(pdf.match(/\/Type\s*\/Page\b/g).length > 3, 'more than one page');
});

browserTest(
  'a draft that a tab has typed is in the other tab on that conversation, also after an answer there',
  async ({ page, open, fake }) => {
    await send(page, 'one');
    await answerState(page, 'done');
    const other = await open(await page.evaluate(() => `/${location.hash}`));
    await other.locator('#composer-text').pressSequentially('half a sen', { delay: 20 });
    await fillIn(page, 'half a sen');
    const go = signal();
    fake.onChat = async (stream) => {
      await stream.say('Another ');
      await go;
      await stream.say('one.');
      await stream.done();
    };
    await page.click('.assistant [data-action="retry"]');
    await other.locator('#composer-text').pressSequentially('tence', { delay: 20 });
    go.fire();
    await answerState(page, 'done');
    await reload(other);
    await fillIn(other, 'half a sentence');
  },
);
