import { backgroundName, imageNames } from './layout-files';

it.each([
  [
    'https://pretix.example.org/static/pretixpresale/pdf/ticket_default_a4.f0ec05451eaf.pdf',
    'ticket_default_a4.f0ec05451eaf.pdf',
  ],
  ['https://shop.example.org/media/pub/b%20g.pdf?X-Signature=a/b#page=1', 'b g.pdf'],
  ['/media/pub/demo/openair/ground.png', 'ground.png'],
  ['ground.png', 'ground.png'],
  ['https://shop.example.org/media/%E0%A4', '%E0%A4'],
  ['https://shop.example.org/media/', null],
  [`https://shop.example.org/${'x'.repeat(256)}`, null],
  ['', null],
  [null, null],
  [undefined, null],
])('The background %s is called %s', (link, name) => {
  expect(backgroundName(link)).toBe(name);
});

it('An image is called as the content of its element, once', () => {
  const layout = [
    { type: 'imagearea', content: 'logo' },
    { type: 'imagearea', content: 'sponsor' },
    { type: 'imagearea', content: 'logo' },
    { type: 'imagearea', content: '' },
    { type: 'imagearea', content: 4 },
    { type: 'textarea', content: 'item' },
    null,
    'imagearea',
  ];
  expect(imageNames(layout)).toEqual(['logo', 'sponsor']);
  expect(imageNames(JSON.stringify(layout))).toEqual(['logo', 'sponsor']);
  for (const none of [null, undefined, {}, 'no JSON', '{}', 4]) expect(imageNames(none)).toEqual([]);
});
