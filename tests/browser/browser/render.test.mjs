//! What is drawn: streamed equals whole, nothing lost, nothing replaced.

import assert from 'node:assert/strict';
import { answerState, answerText, browserTest, reload, send, signal, until, useBrowser } from '../support/browser.mjs';
import { CORPUS, longAnswer, randomDocuments } from '../support/markdown.mjs';

useBrowser();

/** Runs in the page: streams each document and compares with marked's rendering of the whole. */
async function differences(documents) {
  const { StreamRenderer, drawWhole } = await import('/js/md/stream.js');
  const wrong = [];
  for (const { text, size } of documents) {
    const streamed = document.createElement('div');
    const renderer = new StreamRenderer(streamed);
    for (let at = 0; at < text.length; at += size) {
      renderer.push(text.slice(at, at + size));
      renderer.flush();
    }
    renderer.finish();
    for (const part of streamed.querySelectorAll('.part')) part.replaceWith(...part.childNodes);
    const whole = document.createElement('div');
    drawWhole(whole, text);
    if (streamed.innerHTML !== whole.innerHTML)
      wrong.push({ text, size, streamed: streamed.innerHTML, whole: whole.innerHTML });
  }
  return wrong.slice(0, 3);
}

browserTest('what was streamed equals the whole: the corpus, in pieces of 1, 3 and 7', async ({ page }) => {
  const documents = Object.values(CORPUS).flatMap((text) => [1, 3, 7].map((size) => ({ text, size })));
  assert.deepEqual(await page.evaluate(differences, documents), []);
});

/** The unit tests hold the cuts on thousands more; here it is the nodes. */
const RANDOM = process.env.SLUICE_LONG ? 2_000 : 400;
browserTest(`what was streamed equals the whole: ${RANDOM} random documents`, async ({ page }) => {
  const documents = Array.from(randomDocuments(RANDOM, 7));
  assert.deepEqual(await page.evaluate(differences, documents), []);
});

/** Runs in the page: streams each document by pieces, and at every moment compares with the whole of what came. */
async function differencesMeanwhile(documents) {
  const { StreamRenderer, drawWhole } = await import('/js/md/stream.js');
  const wrong = [];
  for (const { text, size } of documents) {
    const streamed = document.createElement('div');
    const renderer = new StreamRenderer(streamed);
    for (let at = 0; at < text.length; at += size) {
      renderer.push(text.slice(at, at + size));
      renderer.flush();
      const soFar = text.slice(0, at + size);
      if (soFar.endsWith('\r')) continue; // it waits for what follows
      const whole = document.createElement('div');
      drawWhole(whole, soFar);
      // Colours come a moment later.
      const plain = (root) => {
        const copy = root.cloneNode(true);
        for (const node of copy.querySelectorAll('.part, .tail, [class^="hljs"]')) node.replaceWith(...node.childNodes);
        return copy.innerHTML;
      };
      const seen = () => plain(streamed);
      // After a slow drawing the next one waits for its time.
      for (let frames = 0; seen() !== plain(whole) && frames < 30; frames++) await new Promise(requestAnimationFrame);
      if (seen() !== plain(whole)) wrong.push({ soFar, seen: seen(), whole: plain(whole) });
    }
  }
  return wrong.slice(0, 3);
}

/** A definition changes blocks that are settled; it is made up for at the end. */
const withoutDefinitions = ([name, text]) => !/\]:/.test(text) && name !== 'mathematics'; // it is drawn a moment later

browserTest('what is seen while a block is open is what stands when it has settled', async ({ page }) => {
  const documents = Object.entries({ ...CORPUS, ...OPEN })
    .filter(withoutDefinitions)
    .flatMap(([, text]) => [1, 5].map((size) => ({ text, size })));
  assert.deepEqual(await page.evaluate(differencesMeanwhile, documents), []);
});

const OPEN = {
  names: 'Call snake_case_names with *args and **kwargs, or `*args`.',
  prices: 'It costs $5 and then $a to $b; 5 * 3 * 2 _not so_ and __this__.',
  brackets: 'See [not a link] and 1) one\n2) two',
};

browserTest(
  'formulas are drawn, also in the open block; prices and code stay as they are written',
  async ({ page, fake }) => {
    const [seen, end] = [signal(), signal()];
    fake.onChat = async (stream) => {
      await stream.say('Let \\(x_1\\) and $y^2$ and \\[ \\int_0^1 ', 'x\\,dx \\] be, ');
      await seen;
      await stream.say(
        'for $5 or $a to $b or US$3, `$x$`.\n\n$$\n\\frac{1}{2}\n$$\n\n```tex\n$$z$$\n```\n\n$\\nosuchcommand$ ends',
      );
      await end;
      await stream.done();
    };
    await send(page, 'q');
    await until(async () => (await page.locator('.tail math').count()) === 3, 'three in the open block');
    await page.evaluate(() => (window.kept = document.querySelector('.tail math')));
    seen.fire();
    await until(async () => (await page.locator('.assistant math').count()) === 4);
    assert.equal(await page.evaluate(() => window.kept.isConnected), true, 'what is drawn is not drawn again');
    end.fire();
    await answerState(page, 'done');
    const text = await answerText(page);
    for (const words of ['for $5 or $a to $b or US$3, $x$.', '$$z$$', '\\nosuchcommand'])
      assert.ok(text.includes(words), words);
    await reload(page);
    await until(async () => (await page.locator('.assistant math').count()) === 4);
  },
);

browserTest('a formula cannot bring a link, an image or a style', async ({ page, fake }) => {
  const evil = [
    '\\href{javascript:alert(1)}{x}',
    '\\includegraphics{https://evil.example/a.png}',
    '\\style{color:red}{x}',
    '\\class{app}{x}',
    '\\id{app}{x}',
    '\\text{<img src=x onerror=alert(1)>}',
  ];
  fake.onChat = async (stream) => {
    await stream.say(...evil.map((tex) => `$${tex}$\n\n`), '$x$');
    await stream.done();
  };
  await send(page, 'q');
  await answerState(page, 'done');
  await page.waitForSelector('.assistant math');
  await page.waitForTimeout(200);
  assert.equal(
    await page.locator('.assistant .text :is(a, img, [style*=color], [class~=app], [id], [onerror], [href])').count(),
    0,
  );
});

browserTest('what is typed in an open block stays as it is written', async ({ page, fake }) => {
  const [seen, end] = [signal(), signal()];
  fake.onChat = async (stream) => {
    await stream.say('Use snake_case_names, ', '*args and **kwargs, ', '$a to $b');
    await seen;
    await stream.say('.');
    await end;
    await stream.done();
  };
  await send(page, 'q');
  const words = 'Use snake_case_names, *args and **kwargs, $a to $b';
  await until(async () => (await answerText(page)) === words);
  seen.fire();
  await until(async () => (await answerText(page)) === `${words}.`);
  end.fire();
  await answerState(page, 'done');
  assert.equal(await answerText(page), `${words}.`);
});

/** Runs in the page: what plain paragraphs are drawn as, and what Markdown makes of the same text. */
async function plainDifferences(texts) {
  const { isPlain, drawPlain, PlainText } = await import('/js/md/plain.js');
  const { drawWhole } = await import('/js/md/stream.js');
  const root = () => document.createElement('div');
  const wrong = [];
  let plain = 0;
  for (const text of texts) {
    if (!isPlain(text)) continue;
    plain += 1;
    const [drawn, grown, whole] = [root(), root(), root()];
    drawPlain(drawn, text);
    drawWhole(whole, text);
    const growing = new PlainText(grown);
    for (const sign of text) growing.push(sign);
    growing.finish();
    for (const part of grown.querySelectorAll('.part')) part.replaceWith(...part.childNodes);
    const html = (node) => node.innerHTML.replaceAll('\n', '');
    if (html(drawn) !== html(whole) || html(grown) !== html(whole))
      wrong.push({ text, drawn: drawn.innerHTML, grown: grown.innerHTML, whole: whole.innerHTML });
  }
  return { wrong: wrong.slice(0, 3), plain };
}

browserTest('what is drawn without the renderer is what it would draw', async ({ page }) => {
  const words = [
    'Water',
    'flows',
    'down,',
    'e.g.',
    '12',
    '3.',
    '7)',
    '–',
    '-',
    'a-b',
    '“so”',
    '(here)',
    'Fünf',
    '=',
    '!',
    ':',
  ];
  const texts = Array.from(randomDocuments(300, 3), ({ text }) => text);
  let state = 42;
  const random = (below) => (state = (state * 1_103_515_245 + 12_345) % 2 ** 31) % below;
  for (let count = 0; count < 4_000; count++) {
    const pieces = Array.from(
      { length: 1 + random(9) },
      () => words[random(words.length)] + [' ', ' ', '\n', '\n\n', '\n\n\n'][random(5)],
    );
    texts.push(pieces.join('').trim(), pieces.join(''));
  }
  const { wrong, plain } = await page.evaluate(plainDifferences, texts);
  assert.deepEqual(wrong, []);
  assert.ok(plain > 500, `${plain} of them were plain`);
});

browserTest('what was streamed equals the whole: a long answer', async ({ page }) => {
  assert.deepEqual(await page.evaluate(differences, [{ text: longAnswer(3_000), size: 5 }]), []);
});

browserTest(
  'a list begins at its number, and the columns of a table are aligned as they say',
  async ({ page, fake }) => {
    fake.onChat = async (stream) => {
      await stream.say('7. seven\n8. eight\n\n| a | b | c |\n|:--|:-:|--:|\n| 1 | 2 | 3 |\n');
      await stream.done();
    };
    await send(page, 'q');
    await answerState(page, 'done');
    assert.equal(await page.getAttribute('.assistant ol', 'start'), '7');
    const aligned = (cells) => cells.map((cell) => getComputedStyle(cell).textAlign);
    for (const row of ['thead', 'tbody'])
      assert.deepEqual(await page.locator(`.assistant ${row} :is(th, td)`).evaluateAll(aligned), [
        'left',
        'center',
        'right',
      ]);
  },
);

browserTest(
  'an item of a list of tasks has its box and no bullet beside it; a number stays',
  async ({ page, fake }) => {
    fake.onChat = async (stream) => {
      await stream.say('- [x] done\n- [ ] open\n- plain\n\nor\n\n1. [ ] first\n\n2. [x] second\n');
      await stream.done();
    };
    await send(page, 'q');
    await answerState(page, 'done');
    const items = await page
      .locator('.assistant li')
      .evaluateAll((all) => all.map((item) => [item.innerText.trim(), getComputedStyle(item).listStyleType]));
    assert.deepEqual(items, [
      ['☑ done', 'none'],
      ['☐ open', 'none'],
      ['plain', 'disc'],
      ['☐ first', 'decimal'],
      ['☑ second', 'decimal'],
    ]);
  },
);

browserTest(
  'a table that is too wide shows at its edges where it goes on',
  async ({ page, fake }) => {
    const cells = Array.from({ length: 12 }, (_, index) => `column-${index}`);
    fake.onChat = async (stream) => {
      await stream.say(`|${cells.join('|')}|\n|${cells.map(() => '-').join('|')}|\n|${cells.join('|')}|\n\n`);
      await stream.say('or\n\n|a|b|\n|-|-|\n|1|2|\n');
      await stream.done();
    };
    await send(page, 'q');
    await answerState(page, 'done');
    // Its edges alone are looked at, not what stands there.
    await page.locator('.table *').evaluateAll((all) => all.forEach(({ style }) => (style.visibility = 'hidden')));
    /** What is drawn 4 px wide at `share` of the box's width. */
    const strip = async (box, share) => {
      const { x, y, width, height } = await box.boundingBox();
      const clip = { x: Math.round(x + 1 + share * (width - 6)), y: Math.round(y + height / 2), width: 4, height: 6 };
      return (await page.screenshot({ clip })).toString('base64');
    };
    const marked = async (box) => {
      const middle = await strip(box, 0.5);
      return [(await strip(box, 0)) !== middle, (await strip(box, 1)) !== middle];
    };
    const [wide, narrow] = await page.locator('.assistant .table').all();
    assert.deepEqual(await marked(wide), [false, true], 'at its beginning');
    await wide.evaluate((node) => (node.scrollLeft = 1e6));
    assert.deepEqual(await marked(wide), [true, false], 'at its end');
    assert.deepEqual(await marked(narrow), [false, false], 'one that fits');
  },
  { viewport: { width: 390, height: 664 } },
);

browserTest(
  'settled text keeps its nodes and its selection while the answer grows, and no word goes away',
  async ({ page, fake }) => {
    const go = signal();
    fake.onChat = async (stream) => {
      await stream.say('Settled words here.\n\nNext ');
      await go;
      for (const piece of longAnswer(1_500).match(/.{1,12}/gs)) await stream.say(piece);
      await stream.done();
    };
    await send(page, 'q');
    await until(async () => /Next/.test(await answerText(page)));
    await page.evaluate(() => {
      const first = document.querySelector('.assistant .text p');
      window.kept = first;
      getSelection().selectAllChildren(first);
      window.lost = [];
      let most = 0;
      const watch = () => {
        // Signs of Markdown come and go as they are understood; words only come.
        const letters = document.querySelector('.assistant .text').textContent.replace(/[^a-z]/gi, '').length;
        if (letters < most - 12) window.lost.push([most, letters]);
        most = Math.max(most, letters);
        window.watching = requestAnimationFrame(watch);
      };
      watch();
    });
    go.fire();
    await answerState(page, 'done');
    const after = await page.evaluate(() => ({
      same: document.querySelector('.assistant .text p') === window.kept,
      selection: getSelection().toString().trim(),
      lost: window.lost,
    }));
    assert.deepEqual(after, { same: true, selection: 'Settled words here.', lost: [] });
  },
);

browserTest('an open fence says its language already', async ({ page, fake }) => {
  fake.onChat = async (stream) => {
    await stream.say('Code:\n```Rust title="x"\n', 'fn main');
    await stream.closed;
  };
  await send(page, 'q');
  await until(async () => (await page.locator('.tail .code-head span').innerText()) === 'rust');
  await page.click('#send');
  await answerState(page, 'stopped');
  assert.equal(await page.locator('.code-head span').innerText(), 'rust');
});

browserTest('code is coloured when its fence closes, and is copied exactly', async ({ page, fake, context }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  const code = 'fn main() {\n\tlet x = "<b>&amp;";\n\n    // end  \n}';
  fake.onChat = async (stream) => {
    await stream.say('Code:\n```rust\n', code, '\n```\nDone.');
    await stream.done();
  };
  await send(page, 'q');
  await answerState(page, 'done');
  await page.waitForSelector('.code .hljs-keyword');
  await page.click('[data-action="copy-code"]');
  await until(async () => (await page.locator('#status').innerText()) === 'Copied');
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), code);
});

browserTest('a reference link at the end is resolved in the words before it', async ({ page, fake }) => {
  fake.onChat = async (stream) => {
    await stream.say('See [the docs][d].\n\nMore.\n\n', '[d]: https://example.org/d\n');
    await stream.done();
  };
  await send(page, 'q');
  await answerState(page, 'done');
  assert.equal(await page.locator('.assistant .text a').getAttribute('href'), 'https://example.org/d');
});
