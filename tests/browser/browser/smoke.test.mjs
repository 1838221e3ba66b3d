import { browserTest, send, useBrowser, answerState, answerText } from '../support/browser.mjs';
useBrowser();
browserTest('smoke', async ({ page, fake }) => {
  await send(page, 'Hi');
  await answerState(page, 'done');
  console.log(await answerText(page));
  await page.screenshot({ path: '/tmp/shot-smoke.png' });
});
