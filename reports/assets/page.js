/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A new element, in @parent if that is given: what the scripts of the page make theirs with. */
function guestscopeMake(name, className, parent, text) {
	'use strict';
	var e = document.createElement(name);
	if (className)
		e.className = className;
	if (text !== undefined)
		e.textContent = text;
	if (parent)
		parent.appendChild(e);
	return e;
}

/* Shows at once, beside the pointer, what the browser would show of a bar after a while. */
(function () {
	'use strict';
	var tip = document.createElement('div');
	tip.id = 'tip';
	tip.hidden = true;
	tip.setAttribute('aria-hidden', 'true');
	document.body.appendChild(tip);

	function move(event) {
		var x = event.clientX + 14, y = event.clientY + 16;
		x = Math.min(x, window.innerWidth - tip.offsetWidth - 8);
		if (y + tip.offsetHeight > window.innerHeight - 8)
			y = event.clientY - tip.offsetHeight - 10;
		tip.style.left = Math.max(4, x) + 'px';
		tip.style.top = y + 'px';
	}

	document.querySelectorAll('.parts > [title]').forEach(function (part) {
		part.dataset.tip = part.title;
		part.removeAttribute('title');
		part.addEventListener('mouseenter', function (event) {
			tip.textContent = part.dataset.tip;
			tip.hidden = false;
			move(event);
		});
		part.addEventListener('mousemove', move);
		part.addEventListener('mouseleave', function () { tip.hidden = true; });
	});

	/* Which section is being read. */
	if (typeof IntersectionObserver === 'function') {
		var links = {}, seen = {};
		document.querySelectorAll('nav a').forEach(function (a) { links[a.getAttribute('href').slice(1)] = a; });
		var watch = new IntersectionObserver(function (entries) {
			var current = null;
			entries.forEach(function (entry) { seen[entry.target.id] = entry.isIntersecting; });
			Object.keys(links).forEach(function (id) {
				links[id].removeAttribute('aria-current');
				current = current || (seen[id] ? links[id] : null);
			});
			if (current)
				current.setAttribute('aria-current', 'true');
		}, { rootMargin: '-10% 0px -70% 0px' });
		document.querySelectorAll('main > section').forEach(function (section) { watch.observe(section); });
	}

	/* Only what can be scrolled needs to be reached by the keyboard. */
	function reach() {
		document.querySelectorAll('.scroll, pre').forEach(function (box) {
			box.tabIndex = box.scrollWidth > box.clientWidth ? 0 : -1;
		});
	}
	document.addEventListener('toggle', reach, true);
	window.addEventListener('resize', reach);
	reach();

	/* What a link leads to may be folded away. */
	function unfold() {
		var target = document.getElementById(decodeURIComponent(location.hash.slice(1))), folded;
		for (folded = target && target.closest('details:not([open])'); folded; folded = target.closest('details:not([open])'))
			folded.open = true;
		if (target && target.closest('details'))
			target.scrollIntoView();
	}
	document.addEventListener('click', function (event) {
		if (event.target.closest('a[href="' + location.hash + '"]'))
			unfold();
	});
	window.addEventListener('hashchange', unfold);
	unfold();

	/* A button beside each command line. */
	document.querySelectorAll('pre.command').forEach(function (pre) {
		var button = document.createElement('button'), box = document.createElement('div');
		if (!navigator.clipboard)
			return;
		box.className = 'copied';
		button.type = 'button';
		button.className = 'copy';
		button.textContent = 'Copy';
		button.setAttribute('aria-label', 'Copy the command');
		pre.parentNode.insertBefore(box, pre);
		box.appendChild(pre);
		box.appendChild(button);
		button.addEventListener('click', function () {
			navigator.clipboard.writeText(pre.textContent).then(function () {
				button.textContent = 'Copied';
				setTimeout(function () { button.textContent = 'Copy'; }, 1500);
			});
		});
	});

	/* What is printed is what the reader would find by opening everything but the flame graphs. */
	window.addEventListener('beforeprint', function () {
		document.querySelectorAll('main details:not(.quiet)').forEach(function (d) { d.open = true; });
	});
})();
