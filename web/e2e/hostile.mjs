// Text that would run as script, or load something, wherever it became markup. Each line is one payload;
// `alert(1)` is what must not happen, and `//canary.invalid` is what must not be asked.

/** Markup, for pastes and everything that is shown as text. */
export const markup = String.raw`
<script>alert(1)</script>
<SCRIPT SRC=//canary.invalid/a.js></SCRIPT>
<scr<script>ipt>alert(1)</scr</script>ipt>
<script x>alert(1)</script x>
<script>/*--><!]]>*/alert(1)//</script>
"><script>alert(1)</script>
'><script>alert(1)</script>
</title><script>alert(1)</script>
</textarea><script>alert(1)</script>
</style><script>alert(1)</script>
</noscript><script>alert(1)</script>
</p></div></body></html><script>alert(1)</script>
--><script>alert(1)</script>
]]><script>alert(1)</script>
<img src=x onerror=alert(1)>
<img src="x" onerror="alert(1)" />
<img/src=x/onerror=alert(1)>
<img src=x onerror=alert(1)//
<img src=x oNeRrOr=alert(1)>
<img src=x onerror=&#97;lert(1)>
<img """><script>alert(1)</script>">
<img src="//canary.invalid/pixel.gif">
<img srcset="//canary.invalid/a 1x, //canary.invalid/b 2x">
<picture><source srcset="//canary.invalid/p"><img src=x></picture>
<image src=x onerror=alert(1)>
<input type=image src=x onerror=alert(1)>
<input autofocus onfocus=alert(1)>
<textarea autofocus onfocus=alert(1)></textarea>
<select autofocus onfocus=alert(1)></select>
<keygen autofocus onfocus=alert(1)>
<button onclick=alert(1) autofocus>press</button>
<body onload=alert(1)>
<body background="//canary.invalid/bg">
<html onmouseover=alert(1)>
<svg onload=alert(1)>
<svg/onload=alert(1)>
<svg><script>alert(1)</script></svg>
<svg><script href="//canary.invalid/s.js"></script></svg>
<svg><script xlink:href="data:text/javascript,alert(1)"></script></svg>
<svg><animate onbegin=alert(1) attributeName=x dur=1s></svg>
<svg><a xlink:href="javascript:alert(1)"><text y=20>press</text></a></svg>
<svg><set attributeName=href to=javascript:alert(1)></svg>
<svg><use href="data:image/svg+xml,<svg id=x xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>#x"></svg>
<svg><foreignObject><iframe src=javascript:alert(1)></iframe></foreignObject></svg>
<svg><style><img src=x onerror=alert(1)></style></svg>
<svg><desc><![CDATA[</desc><script>alert(1)</script>]]></svg>
<math><mtext><table><mglyph><style><img src=x onerror=alert(1)></style></mglyph></table></mtext></math>
<math href="javascript:alert(1)">press</math>
<math><maction actiontype="statusline#" xlink:href="javascript:alert(1)">press</maction></math>
<math><mi><img src=x onerror=alert(1)></mi></math>
<form><math><mtext></form><form><mglyph><style></math><img src=x onerror=alert(1)>
<noscript><p title="</noscript><img src=x onerror=alert(1)>">
<listing>&lt;img src=x onerror=alert(1)&gt;</listing>
<xmp><img src=x onerror=alert(1)></xmp>
<plaintext><img src=x onerror=alert(1)>
<template><img src=x onerror=alert(1)></template>
<template shadowrootmode=open><img src=x onerror=alert(1)></template>
<iframe src="javascript:alert(1)"></iframe>
<iframe srcdoc="<script>parent.alert(1)</script>"></iframe>
<iframe srcdoc="&lt;img src=x onerror=parent.alert(1)&gt;"></iframe>
<iframe src="//canary.invalid/frame"></iframe>
<iframe src="data:text/html,<script>alert(1)</script>"></iframe>
<frameset onload=alert(1)><frame src="//canary.invalid/f"></frameset>
<object data="javascript:alert(1)"></object>
<object data="data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg=="></object>
<embed src="javascript:alert(1)">
<embed src="//canary.invalid/e.swf">
<applet code="Evil.class" archive="//canary.invalid/e.jar"></applet>
<portal src="//canary.invalid/portal"></portal>
<base href="//canary.invalid/">
<base href="javascript:/"><a href="alert(1)">press</a>
<meta http-equiv="refresh" content="0;url=javascript:alert(1)">
<meta http-equiv="refresh" content="0;url=//canary.invalid/gone">
<meta http-equiv="Content-Security-Policy" content="script-src * 'unsafe-inline'">
<link rel=stylesheet href="//canary.invalid/a.css">
<link rel=import href="//canary.invalid/i.html">
<link rel=preload as=script href="//canary.invalid/p.js">
<link rel=dns-prefetch href="//canary.invalid">
<style>@import "//canary.invalid/i.css";</style>
<style>*{background:url(//canary.invalid/bg)}</style>
<style>@keyframes x{}</style><p style="animation-name:x" onanimationstart=alert(1)>moved</p>
<p style="background-image:url(//canary.invalid/bg)">styled</p>
<p style="background:url(javascript:alert(1))">styled</p>
<p style="width:expression(alert(1))">styled</p>
<p style="position:fixed;inset:0;z-index:99999">over everything</p>
<div style="-moz-binding:url(//canary.invalid/x.xml#x)">bound</div>
<p onclick=alert(1)>pressed</p>
<p onmouseover="alert(1)">touched</p>
<p onpointerenter=alert(1)>touched</p>
<p contenteditable onbeforeinput=alert(1)>written</p>
<marquee onstart=alert(1)>runs</marquee>
<details open ontoggle=alert(1)>opens</details>
<dialog open onclose=alert(1)><form method=dialog><button>x</button></form></dialog>
<audio src=x onerror=alert(1)></audio>
<audio autoplay src="//canary.invalid/a.ogg"></audio>
<video><source onerror=alert(1)></video>
<video poster="//canary.invalid/poster.png"></video>
<track src="//canary.invalid/t.vtt">
<form action="javascript:alert(1)"><button>send</button></form>
<form action="//canary.invalid/post"><input name=q><button>send</button></form>
<button formaction="javascript:alert(1)">send</button>
<isindex action="javascript:alert(1)" type=image>
<form id=x name=body><input name=attributes><input name=firstChild></form>
<a id=defaultView></a><a id=document name=cookie></a>
<img name=getElementById><img id=currentScript>
<a href="x" ping="//canary.invalid/ping">press</a>
<table background="//canary.invalid/t"><tr><td background="//canary.invalid/d">cell</td></tr></table>
<ul><li style="list-style-image:url(//canary.invalid/li)">item</li></ul>
<p data-pm-slice='0 0 []' data-type="taskItem" onclick=alert(1)>slice</p>
<li data-checked='true" onclick="alert(1)'>task</li>
<ol start="1 onclick=alert(1)"><li>one</li></ol>
<pre><code class="language-x&quot; onclick=alert(1)">code</code></pre>
<h1 id="x' onclick='alert(1)">heading</h1>
<blockquote cite="javascript:alert(1)">quote</blockquote>
<?xml-stylesheet href="javascript:alert(1)"?>
<!--[if gte IE 4]><script>alert(1)</script><![endif]-->
<!ENTITY x SYSTEM "//canary.invalid/x">
<x onclick=alert(1) tabindex=1 id=x></x>
<custom-element onfocus=alert(1) autofocus>custom</custom-element>
{{constructor.constructor('alert(1)')()}}
#{alert(1)}
<%= alert(1) %>
+ADw-script+AD4-alert(1)+ADw-/script+AD4-
%3Cscript%3Ealert(1)%3C/script%3E
&lt;script&gt;alert(1)&lt;/script&gt;
＜script＞alert(1)＜/script＞
`.trim().split("\n");

/** Addresses that a link must not have. */
export const addresses = [
  "javascript:alert(1)",
  "JaVaScRiPt:alert(1)",
  " javascript:alert(1)",
  "\u0001javascript:alert(1)",
  "java\tscript:alert(1)",
  "java\nscript:alert(1)",
  "java\r\nscript:alert(1)",
  "javascript\u0000:alert(1)",
  "javascript&colon;alert(1)",
  "javascript&#58;alert(1)",
  "&#106;avascript:alert(1)",
  "javascript://canary.invalid/%0aalert(1)",
  "javascript:alert(1)//https://example.org",
  "feed:javascript:alert(1)",
  "view-source:javascript:alert(1)",
  "vbscript:msgbox(1)",
  "livescript:alert(1)",
  "data:text/html,<script>alert(1)</script>",
  "data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==",
  "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
  "blob:https://canary.invalid/1",
  "file:///etc/passwd",
  "filesystem:https://canary.invalid/x",
  "intent://scan/#Intent;scheme=zxing;end",
  "jar:https://canary.invalid!/x",
  "https://example.org\" onclick=\"alert(1)",
  "https://example.org' onmouseover='alert(1)",
  "https://example.org><script>alert(1)</script>",
];
