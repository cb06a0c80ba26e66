/* SPDX-License-Identifier: GPL-2.0-or-later */
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

	document.querySelectorAll('.bars svg > g, .spark circle').forEach(function (part) {
		var title = part.querySelector('title');
		if (!title)
			return;
		part.dataset.tip = title.textContent;
		title.remove();
		part.addEventListener('mouseenter', function (event) {
			tip.textContent = part.dataset.tip;
			tip.hidden = false;
			move(event);
		});
		part.addEventListener('mousemove', move);
		part.addEventListener('mouseleave', function () { tip.hidden = true; });
	});

	/* What is printed is what the reader would find by opening everything but the flame graphs. */
	window.addEventListener('beforeprint', function () {
		document.querySelectorAll('main details:not(.quiet)').forEach(function (d) { d.open = true; });
	});
})();
