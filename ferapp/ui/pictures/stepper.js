// Buttons and keys for the previous and the next picture.

class Stepper {
  constructor(parent) {
    const root = this.root = parent.querySelector('.stepper');
    this.previous = makeButton(root, '', '← Previous picture', () => this.go('previous'));
    this.place = make(root, 'span', 'place');
    this.next = makeButton(root, '', 'Next picture →', () => this.go('next'));
    this.listeners = new AbortController();
    const dialog = useKeys(root, [
      ['ArrowLeft', '←', 'Previous picture', () => this.go('previous')],
      ['ArrowRight', '→', 'Next picture', () => this.go('next')],
      ['', 'Tab', 'Into the picture; the arrow keys then go from face to face'],
      ['', 'Enter', 'Open the card of the face'],
    ], this.listeners.signal);
    const help = makeButton(root, 'help', '?', () => dialog.showModal());
    help.title = 'Keys (?)';
    help.setAttribute('aria-label', 'Keyboard shortcuts');
  }

  update(data, send) {
    const isMoved = this.data?.count === data.count && this.data.chosen !== data.chosen;
    Object.assign(this, { data, send });
    if (isMoved) {
      if (data.chosen !== this.asked) this.root.scrollIntoView({ block: 'start', behavior: SCROLLING });
      this.asked = undefined;
    }
    this.place.textContent = data.place;
    for (const name of ['previous', 'next']) {
      this[name].hidden = data.count < 2;
      this[name].disabled = !data[name];
    }
  }

  go(name) {
    if (!this.data[name]) return;
    this.asked = this.data[name];
    this.send('chosen', this.asked);
  }
}

const steppers = new WeakMap();

export default function ({ data, parentElement, setTriggerValue }) {
  if (!steppers.has(parentElement)) steppers.set(parentElement, new Stepper(parentElement));
  const stepper = steppers.get(parentElement);
  stepper.update(data, setTriggerValue);
  return () => {
    steppers.delete(parentElement);
    stepper.listeners.abort();
  };
}
