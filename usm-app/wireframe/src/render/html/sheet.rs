//! The style sheet of the page. Nothing from a story comes near it.

/// All rules.
pub(super) const RULES: &str = "\
:root{color-scheme:light dark;--paper:#eef1f6;--screen:#fff;--bar:#f6f8fb;--edge:#d5dbe5;--strong:#8793a6;--text:#1b2433;--muted:#5a677b;\
--grey:#dfe4ec;--accent:#2f5bd0;--soft:#e8eefc;--on:#fff;--danger:#b3261e;--danger-soft:#fdecea;--warn:#8a5a00;\
--warn-soft:#fff5dd;--good:#1b6e3c;--good-soft:#e6f5ec}\
.low-fidelity{--paper:#f3f3f1;--bar:#f1f1ef;--edge:#b4b4b0;--strong:#74746f;--text:#2b2b29;--muted:#666662;--grey:#dcdcd8;\
--accent:#4a4a47;--soft:#e6e6e3;--danger:#4a4a47;--danger-soft:#efefed;--warn:#4a4a47;--warn-soft:#efefed;--good:#4a4a47;\
--good-soft:#efefed}\
@media (prefers-color-scheme:dark){:root{--paper:#10141b;--screen:#181e28;--bar:#1f2733;--edge:#364152;--strong:#7d8ba0;\
--text:#e7ecf4;--muted:#a3afc0;--grey:#2d3746;--accent:#8fb0ff;--soft:#24324f;--on:#0f1726;--danger:#ffb4ab;\
--danger-soft:#42201d;--warn:#f3c969;--warn-soft:#3b2f14;--good:#8fd6a9;--good-soft:#183425}\
.low-fidelity{--paper:#1c1c1b;--screen:#262625;--bar:#2f2f2e;--edge:#575754;--strong:#8f8f8a;--text:#e8e8e4;--muted:#a9a9a4;\
--grey:#40403e;--accent:#cfcfca;--soft:#3a3a38;--on:#1c1c1b;--danger:#cfcfca;--danger-soft:#333332;--warn:#cfcfca;\
--warn-soft:#333332;--good:#cfcfca;--good-soft:#333332}}\
*{box-sizing:border-box}body{margin:0;padding:32px;background:var(--paper);color:var(--text);\
font:15px/1.45 Inter,'Segoe UI',Roboto,'Noto Sans','DejaVu Sans',Arial,sans-serif}\
h1{font-size:24px;margin:0}h2{font-size:16px;margin:0 0 10px}h3{font-size:20px;margin:0}h4{font-size:15px;margin:0}\
p{margin:0}.about{margin-bottom:28px}.about p,.hint,small{color:var(--muted)}\
main{display:flex;flex-direction:column;gap:40px;align-items:flex-start}\
.mobile main{flex-direction:row;flex-wrap:wrap;gap:48px}.mobile .plate{width:auto}\
.state{font-weight:500;font-size:12px;padding:2px 8px;border-radius:9px;background:var(--soft);color:var(--accent)}\
.plate{width:100%;scroll-margin-top:16px}.plate:target .device{outline:3px solid var(--accent);outline-offset:4px}\
.device{width:min(880px,100%);background:var(--screen);border:1px solid var(--strong);border-radius:12px;overflow:hidden;\
box-shadow:0 8px 28px rgb(15 25 50/.12)}.desktop .device{width:min(1080px,100%)}\
.mobile .device{width:390px;max-width:100%;min-height:680px;border:10px solid #1b2433;border-radius:44px;display:flex;flex-direction:column}\
.low-fidelity .device{box-shadow:none}.mobile.low-fidelity .device{border-color:var(--strong)}\
.chrome{display:flex;gap:8px;align-items:center;padding:10px 16px;background:var(--bar);border-bottom:1px solid var(--edge)}\
.chrome i{width:11px;height:11px;border-radius:50%;background:var(--edge)}\
.address{flex:1;margin-left:12px;padding:3px 14px;border:1px solid var(--edge);border-radius:14px;background:var(--screen);\
font-size:13px;color:var(--muted)}.desktop .chrome{justify-content:space-between;padding:6px 14px}\
.mobile .chrome{justify-content:space-between;background:none;border:0;padding:10px 26px 6px}\
.mobile .chrome i{width:84px;height:22px;border-radius:11px;background:#1b2433}.mobile.low-fidelity .chrome i{background:var(--edge)}\
.navbar,.menu{display:flex;flex-wrap:wrap;gap:18px;align-items:center;padding:12px 20px;border-bottom:1px solid var(--edge)}\
.menu{padding:6px 16px;background:var(--bar)}.mobile .navbar{gap:10px;padding:12px 16px}.navbar [aria-current],.menu [aria-current],.bottom [aria-current],.side [aria-current],\
.tabs [aria-current]{background:var(--soft);color:var(--accent);font-weight:600;border-radius:8px;padding:3px 10px}\
.push{flex:1}.middle{display:flex;flex:1}.side{display:flex;flex-direction:column;gap:6px;padding:18px 14px;min-width:190px;\
background:var(--bar);border-right:1px solid var(--edge)}.mobile .middle{flex-direction:column}\
.mobile .side{flex-direction:row;flex-wrap:wrap;border:0}\
.body{flex:1;min-width:0;display:flex;flex-direction:column;gap:16px;padding:24px 28px}.mobile .body{padding:18px 18px 24px}\
.column{display:flex;flex-direction:column;gap:14px;flex:1;min-width:0}.row{display:flex;flex-wrap:wrap;gap:12px;align-items:flex-end}\
.row>.card,.row>.image,.row>.column{flex:1 1 220px;align-self:stretch}.row>.field{flex:1 1 180px}\
.card{position:relative;display:flex;flex-direction:column;gap:12px;padding:18px;border:1px solid var(--edge);border-radius:12px;min-width:0}\
.shade{padding:32px;background:var(--grey);border-radius:12px}.modal{position:relative;display:flex;flex-direction:column;gap:14px;\
max-width:460px;margin:auto;padding:22px;border-radius:14px;background:var(--screen);border:1px solid var(--edge)}\
.mobile .shade{padding:18px 12px}.alert{position:relative;display:flex;flex-direction:column;gap:8px;padding:12px 16px;border-radius:10px;\
border:1px solid var(--accent);background:var(--soft)}.alert.danger{border-color:var(--danger);background:var(--danger-soft)}\
.alert.warning{border-color:var(--warn);background:var(--warn-soft)}.alert.success{border-color:var(--good);background:var(--good-soft)}\
.button{display:inline-flex;align-items:center;justify-content:center;min-height:40px;padding:8px 18px;border:1px solid var(--strong);\
border-radius:9px;background:var(--screen);color:var(--text);font:inherit;text-decoration:none;cursor:pointer}\
.button.primary{background:var(--accent);border-color:var(--accent);color:var(--on);font-weight:600}\
.button.danger{background:var(--danger);border-color:var(--danger);color:var(--on)}.button.secondary{background:none}\
.button:disabled{background:var(--grey);border-color:var(--grey);color:var(--muted);cursor:default}\
.body>.button{align-self:flex-start}.mobile .body>.button{align-self:stretch;min-height:48px}\
.link{background:none;border:0;padding:0;color:var(--accent);font:inherit;text-decoration:underline;cursor:pointer}\
a:focus-visible,button:focus-visible,input:focus-visible,select:focus-visible,textarea:focus-visible{outline:2px solid var(--accent);outline-offset:2px}\
.field{position:relative;display:flex;flex-direction:column;gap:5px}.field>span{font-size:14px;font-weight:500}.field em{color:var(--danger);font-style:normal}\
.field input,.field select,.field textarea{width:100%;min-height:40px;padding:8px 12px;border:1px solid var(--strong);border-radius:8px;\
background:var(--screen);color:var(--text);font:inherit}[aria-invalid]{border-color:var(--danger)!important;background:var(--danger-soft)!important}\
.bad{color:var(--danger)}input:disabled,select:disabled,textarea:disabled{background:var(--grey)!important}\
fieldset{display:flex;flex-wrap:wrap;gap:8px 20px;border:0;margin:0;padding:0;min-width:0}legend{font-size:14px;font-weight:500;padding:0 0 6px}\
.choice{display:inline-flex;gap:8px;align-items:center;min-height:28px}.choice input{width:18px;height:18px;accent-color:var(--accent)}\
.switch{appearance:none;width:38px!important;height:22px!important;border-radius:11px;background:var(--strong);margin:0}\
.switch:checked{background:var(--accent)}.switch::before{content:'';display:block;width:16px;height:16px;margin:3px;border-radius:50%;background:var(--screen)}\
.switch:checked::before{margin-left:19px}.tabs{display:flex;gap:6px 18px;flex-wrap:wrap;padding-bottom:8px;border-bottom:1px solid var(--edge)}\
.list{list-style:none;margin:0;padding:0}.list>li{padding:10px 2px;border-bottom:1px solid var(--edge)}.list>li:last-child{border:0}\
.cells{display:flex;gap:14px;justify-content:space-between}.cells span:not(:first-child){color:var(--muted)}\
.scroll{overflow-x:auto;position:relative}table{width:100%;border-collapse:collapse}caption{text-align:left;font-weight:600;padding-bottom:8px}\
th,td{padding:9px 12px;border:1px solid var(--edge);text-align:left}th{background:var(--bar);color:var(--muted);font-size:13px}\
.image{position:relative;display:flex;align-items:center;justify-content:center;min-height:150px;padding:16px;border-radius:10px;text-align:center;\
background:var(--grey);color:var(--muted)}.icon{padding:4px 12px;border-radius:14px;background:var(--soft)}\
progress{width:100%;height:10px;accent-color:var(--accent)}.steps{display:flex;gap:8px;list-style:none;margin:0;padding:0}\
.steps li{flex:1;padding-top:10px;border-top:4px solid var(--edge);color:var(--muted);font-size:14px}\
.steps .done{border-color:var(--accent)}.steps [aria-current]{border-color:var(--accent);color:var(--text);font-weight:600}\
hr{width:100%;border:0;border-top:1px solid var(--edge);margin:2px 0}.tree ul{margin:4px 0;padding-left:22px}\
.bottom{display:flex;margin-top:auto;border-top:1px solid var(--edge);background:var(--bar)}\
.bottom span{flex:1;padding:9px 8px;margin:5px;text-align:center;font-size:13px;color:var(--muted)}\
.desktop .bottom span{text-align:left}.bottom [aria-current]{padding:9px 8px}.grey{display:inline-block;max-width:100%;height:.7em;border-radius:.35em;background:var(--grey)}\
sup{display:inline-flex;align-items:center;justify-content:center;min-width:17px;height:17px;margin-left:5px;border-radius:9px;\
background:var(--accent);color:var(--on);font:700 10px/1 inherit;font-size:10px;vertical-align:super}\
.button sup{outline:1px solid var(--on)}.field>sup,.card>sup,.modal>sup,.alert>sup,.scroll>sup{position:absolute;top:-8px;right:-6px}\
.variants{display:grid;gap:26px;width:min(880px,92vw)}figure{margin:0;padding:20px;border:1px dashed var(--strong);border-radius:12px;background:var(--screen);\
display:flex;flex-direction:column;gap:14px}figcaption{color:var(--accent);font-weight:600}.mobile .variants{width:min(390px,92vw)}\
.drawing{font-family:'DejaVu Sans Mono','Liberation Mono',Menlo,Consolas,monospace;line-height:normal;font-variant-ligatures:none;\
background:var(--screen);padding:20px;border-radius:12px;overflow-x:auto;max-width:100%}\
.notes{display:grid;grid-template-columns:repeat(auto-fit,minmax(300px,1fr));gap:24px;max-width:1080px;margin-top:44px}\
.notes h3{font-size:16px;margin-bottom:6px}.notes ul{margin:0;padding-left:18px}.notes li{margin:4px 0;overflow-wrap:anywhere}\
@media (max-width:720px){body{padding:16px}.middle{flex-direction:column}.side{flex-direction:row;flex-wrap:wrap;border:0}}\
@media print{body{background:#fff}.device{box-shadow:none;break-inside:avoid}}";
