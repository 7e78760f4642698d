// Before the script of every component of our own.

const SCROLLING = matchMedia('(prefers-reduced-motion: reduce)').matches ? 'auto' : 'smooth';

function make(parent, kind, name = '', text = '') {
  const made = document.createElement(kind);
  made.className = name;
  made.textContent = text;
  parent.append(made);
  return made;
}

function makeButton(parent, name, text, onClick) {
  const made = make(parent, 'button', name, text);
  made.type = 'button';
  made.onclick = onClick;
  return made;
}

const TYPED_INTO = 'input:not([type=checkbox], [type=radio], [type=range], [type=button]), textarea, select, ' +
  '[contenteditable=true], [role=combobox], [role=textbox]';
const USED_WITH_SPACE = 'button, a[href], input, textarea, select, summary, [contenteditable=true], ' +
  '[role=button], [role=slider], [role=combobox], [role=radio], [role=checkbox], [role=switch], [role=option]';
const USED_WITH_ARROWS = 'input, video, canvas, [role=slider], [role=radiogroup], [role=tablist], [role=grid], ' +
  '[role=listbox], [role=menu], [data-uses-arrows]';

// Let keys work on the whole page until the signal ends, and list them at "?". Each one is given as
// [key of the event, its name, what it does, function]; one without a function is only listed.
function useKeys(parent, keys, signal) {
  const dialog = make(parent, 'dialog', 'keys');
  dialog.setAttribute('aria-label', 'Keyboard shortcuts');
  make(dialog, 'h2', '', 'Keyboard shortcuts');
  const list = make(dialog, 'dl');
  const actions = {};
  for (const [key, name, text, action] of [...keys, ['?', '?', 'This list', () => dialog.showModal()]]) {
    make(make(list, 'dt'), 'kbd', '', name);
    make(list, 'dd', '', text);
    if (action) actions[key] = action;
  }
  makeButton(dialog, '', 'Close', () => dialog.close());
  document.addEventListener('keydown', (event) => {
    const target = event.composedPath()[0];
    const isIn = (selector) => target instanceof Element && Boolean(target.closest(selector));
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || isIn(TYPED_INTO)) return;
    if (dialog.open || document.querySelector('[role=dialog]')) return;
    const action = actions[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!action || (event.key === ' ' && isIn(USED_WITH_SPACE))) return;
    if (event.key.startsWith('Arrow') && isIn(USED_WITH_ARROWS)) return;
    event.preventDefault();
    event.stopPropagation();
    action();
  }, { capture: true, signal });
  return dialog;
}
