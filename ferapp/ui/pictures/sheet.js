// Pictures side by side, each a button; a click says which one was chosen.

export default function ({ data, parentElement, setTriggerValue }) {
  const sheet = parentElement.querySelector('.sheet');
  const focused = sheet.getRootNode().activeElement?.dataset.id;
  const { scrollLeft } = sheet;
  sheet.setAttribute('aria-label', data.label);
  sheet.classList.toggle('row', data.in_one_row);
  sheet.replaceChildren();
  for (const item of data.items) {
    const button = makeButton(make(sheet, 'li'), '', '', () => setTriggerValue('chosen', item.id));
    button.dataset.id = item.id;
    button.title = item.hint;
    button.setAttribute('aria-pressed', String(item.id === data.chosen));
    const picture = make(button, item.image ? 'img' : 'div', item.image ? '' : 'broken');
    if (item.image) Object.assign(picture, { src: item.image, alt: '' });
    make(button, 'span', 'title', item.title);
    if (item.text) make(button, 'span', '', item.text);
    if (focused === item.id) button.focus();
  }
  showChosen(sheet, scrollLeft);
}

/** Leave a row where it was, or move it just so far that the chosen picture is in it. */
function showChosen(sheet, scrollLeft) {
  const chosen = sheet.querySelector('[aria-pressed="true"]')?.parentElement;
  if (!chosen) return;
  const left = chosen.offsetLeft - sheet.offsetLeft;
  const right = left + chosen.offsetWidth - sheet.clientWidth;
  sheet.scrollLeft = Math.min(Math.max(scrollLeft, right), left);
}
