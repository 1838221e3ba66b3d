//! Markdown to try: the known hard places, and random documents made of them.

export const CORPUS = {
  setext: 'Title\n=====\n\nSub\n---\ntext\n\n---\n\nx\n',
  'a table separator that comes late': '| a | b |\n|--',
  table: 'Intro\n\n| a | b |\n|:--|--:|\n| 1 | `x|y` |\n| <br> | **b** |\n\nafter\n',
  'lazy continuation': '> quote\nlazy\n\n> second\n\n- item\nlazy item\n\ntext\n',
  'loose list': '- a\n\n- b\n\n  para in b\n\n    code in b\n\n- c\n\ntext\n',
  'ordered lists': '1. a\n2. b\n\n   more\n\n3) other\n\n10. ten\n\n1\n\n2. x\n',
  'list that follows bold': 'text\n\n**Bold** start\n\n* star\n\n***\n\n* * *\n\nx\n',
  'nested fence': '````md\n```js\nx\n```\n````\n\nafter\n\n```\n~~~\n```\n',
  'fence in a list': '1. do\n\n   ```sh\n   ls\n\n   cd\n   ```\n\n2. then\n\ndone\n',
  'unclosed fence': 'text\n\n```python\nprint(1)\n\n\nprint(2)',
  'fence without blank lines around': 'Look:\n```js\nlet a = 1;\n\nlet b;\n```\nThere.\n',
  'reference link': 'See [the docs][d] and [d].\n\nMore.\n\n[d]: https://example.org "t"\n',
  crlf: 'a\r\n\r\n- b\r\n- c\r\n\r\n```\r\nx\r\n```\r\nd\r',
  html: '<div>\n\n*x*\n\n</div>\n\n<!-- a\n\nb -->\n\n<pre>\n\nx\n</pre>\n\ninline <b>b</b><br>y\n',
  'indented code': 'p\n\n    code\n\n    more\n\np\n\n\tcode\n',
  'task list': '- [ ] a\n- [x] b\n\nc\n',
  unicode: '你好\n\n**粗体**文本\n\nمرحبا\n\n🙂 x\n\n\u00a0nbsp\n',
  'only blanks': '\n\n  \n\n',
  entities: '&lt;b&gt; &amp;amp; &copy;\n\n\\*no\\* \\\\\n',
  mathematics: 'So\n\n$$\na^2\n= b\n$$\n\nand \\(x_1\\), \\[ y \\] or $z$.\n\n\\[\nopen\n\nnot math $$ here\n',
  'headings of all depths': '## Two\n\ntext\n\n#### Four\n\n# One\n\n> ### Three\n\n- ###### Six\n\nSetext\n---\nend\n',
  'broken emphasis': '**a *b\n\nc** d*\n\n__x_ y\n\n`a ``b\n\nc`\n',
};

const PARTS = [
  'para text',
  '- a',
  '- b\n  c',
  '1. one',
  '2) two',
  '```js\nx\n\ny\n```',
  '~~~\nq\n~~~',
  '```\nopen',
  '> q',
  '> - x',
  'lazy',
  '    code',
  '| a | b |\n|---|---|\n| 1 | 2 |',
  'Head\n===',
  'Two\n---',
  '# h',
  '$$\nx = 1\n$$',
  '$$',
  '\\[ y \\]',
  'a $x_1$ b',
  '***',
  '* * *',
  '<div>',
  '</div>',
  '<!-- c',
  '-->',
  '<pre>',
  '</pre>',
  '<b>x</b>',
  '  - n',
  '    - nn',
  '   cont',
  '**bold** t',
  '[r]: http://x',
  '[r]',
  '\\',
  '`c',
  '$$',
  '+ p',
  '10. x',
  '\ttab',
  '1',
  '-',
  '<br>',
  '- ```\n  f\n\n  g\n  ```',
  '- [ ] t',
  ':::',
  '&amp;',
  '  ',
  '\ufeff',
  '\u00a0',
  'x*y_z',
];
const ENDS = ['\n', '\n\n', '\n', '\n\n\n', '\r\n', '\r\n\r\n', ''];

/** `count` documents and piece sizes, the same for the same seed. */
export function* randomDocuments(count, seed) {
  let state = seed >>> 0;
  const random = () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32;
  const pick = (list) => list[Math.floor(random() * list.length)];
  for (let index = 0; index < count; index++) {
    const length = 1 + Math.floor(random() * 9);
    const text = Array.from({ length }, () => pick(PARTS) + pick(ENDS)).join('');
    yield { text, size: pick([1, 3, 7]) };
  }
}

const WORDS = 'the model answers a question about rivers locks gates and water levels in plain words'.split(' ');

/** About `tokens` tokens (4 characters each) of prose, lists, code and tables: a long, usual answer. */
export function longAnswer(tokens) {
  const blocks = [];
  for (let size = 0, index = 0; size < tokens * 4; index++) {
    const words = Array.from({ length: 60 }, (_, at) => WORDS[(at * 7 + index * 3) % WORDS.length]).join(' ');
    const block = [
      `## Part ${index}\n\n${words}. **Bold** and \`code\`.`,
      `- ${words.slice(0, 80)}\n- ${words.slice(20, 120)}\n- ${words.slice(9, 60)}`,
      `\`\`\`rust\nfn part_${index}() -> u32 {\n    let value = ${index};\n    value + 1\n}\n\`\`\``,
      `| a | b |\n|---|--:|\n| ${words.slice(0, 20)} | ${index} |\n| ${words.slice(30, 50)} | 2 |`,
    ][index % 4];
    blocks.push(block);
    size += block.length;
  }
  return blocks.join('\n\n');
}
