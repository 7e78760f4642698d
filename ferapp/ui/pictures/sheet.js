// Pictures side by side, each a button; a click says which one was chosen.

function make(parent, kind, name, text = '') {
  const made = document.createElement(kind);
  made.className = name;
  made.textContent = text;
  parent.append(made);
  return made;
}

export default function ({ data, parentElement, setTriggerValue }) {
  const sheet = parentElement.querySelector('.sheet');
  const focused = sheet.getRootNode().activeElement?.dataset.id;
  sheet.setAttribute('aria-label', data.label);
  sheet.replaceChildren();
  for (const item of data.items) {
    const button = make(make(sheet, 'li', ''), 'button', '');
    button.type = 'button';
    button.dataset.id = item.id;
    button.title = item.hint;
    button.setAttribute('aria-pressed', String(item.id === data.chosen));
    button.onclick = () => setTriggerValue('chosen', item.id);
    const picture = make(button, item.image ? 'img' : 'div', item.image ? '' : 'broken');
    if (item.image) Object.assign(picture, { src: item.image, alt: '' });
    make(button, 'span', 'title', item.title);
    if (item.text) make(button, 'span', '', item.text);
    if (focused === item.id) button.focus();
  }
}
