//! Topics of English requirement texts, in the order a user lives them.

use crate::lexicon::{Stage, Topic};
use story_map::Release::{self, Later, Mvp, Release1};

#[rustfmt::skip]
pub(super) const TOPICS: &[Topic] = &[
    t("register", Stage::Start, "Registration", "Register and sign in", ["start using the service", "know whom I serve"], Mvp, "users", "regist|sign|login|log-in|account|password|onboard|waiver"),
    t("profile", Stage::Start, "Profile", "Fill in the profile", ["enter my details only once", "rely on the details"], Mvp, "", "profile|address|preferenc|personal"),
    t("search", Stage::Find, "Search", "Find what fits", ["find what fits sooner", "find what I need sooner"], Mvp, "", "search|find|filter|sort|discover|explor|browse"),
    t("catalog", Stage::Find, "Catalogue", "Look at what is on offer", ["choose knowing the facts", "show what is true today"], Mvp, "catalog_admin", "catalog|~product|menu|detail|compar|~price|gallery|copy|copies|~titles"),
    t("timetable", Stage::Find, "Timetable", "See the timetable", ["plan my time", "plan the working day"], Mvp, "planning", "timetable|schedul|calendar|slot|availab"),
    t("cart", Stage::Act, "Cart", "Fill the cart", ["gather everything in one place", "gather everything in one place"], Mvp, "", "cart|basket|wishlist"),
    t("booking", Stage::Act, "Booking", "Book a place", ["be sure of a place", "avoid double bookings"], Mvp, "", "booking|~book|reserv|hold|held|appointment|wait|seat|spot|no-show"),
    t("request", Stage::Act, "Requests", "Prepare and submit a request", ["get an answer without chasing people", "understand at once what is needed"], Mvp, "", "request|submit|receipt|claim|expense|application|form|mileage"),
    t("order", Stage::Act, "Orders", "Place an order", ["get what I need without a phone call", "fulfil it on time"], Mvp, "order_work", "~order|checkout|buy|purchas|ticket"),
    t("cancel", Stage::Act, "Cancellation", "Cancel or change", ["change my plans without a loss", "keep free what nobody will use"], Release1, "", "cancel|reschedul|postpon"),
    t("lists", Stage::Act, "Lists", "Keep personal lists", ["come back to it later", "come back to it later"], Release1, "", "~list|favourit|favorit|bookmark"),
    t("devices", Stage::Act, "Devices", "Control devices", ["control things from anywhere", "control things from anywhere"], Mvp, "", "device|switch|light|heating|thermostat|camera|door|lock|sensor|smart"),
    t("core", Stage::Act, "Core actions", "Get the main work done", ["do what I came for", "do my work without extra steps"], Mvp, "", ""),
    t("payment", Stage::Pay, "Payment", "Pay", ["settle in a way that suits me", "keep the accounts right"], Mvp, "settings", "pay|paid|~card|invoic|~price|apple|paypal|~credit|cash|fine|fines|single|pack"),
    t("discount", Stage::Pay, "Discounts", "Use a discount", ["pay less", "bring people back"], Release1, "", "discount|promo|coupon|loyal|bonus|voucher|gift"),
    t("subscription", Stage::Pay, "Memberships", "Manage a membership", ["keep using the service", "know who stays"], Release1, "", "subscri|membership"),
    t("refund", Stage::Pay, "Refunds", "Get money back", ["get money back without a dispute", "settle without a dispute"], Release1, "", "refund|refunds|reimburs|compensat"),
    t("order_work", Stage::Fulfil, "Fulfilment", "Fulfil an order", ["get it on time", "fulfil it on time"], Mvp, "", "prepar|fulfil|pack|ship|pick"),
    t("loans", Stage::Fulfil, "Loans", "Borrow and return", ["read what I want", "know what is lent to whom"], Mvp, "", "loan|borrow|~return|~issue|overdue|damag|lost|lend|barcode|~book|~cop"),
    t("checkin", Stage::Fulfil, "Check-in", "Check people in", ["get in without a queue", "let the right people in without a queue"], Mvp, "", "check-in|checks|scan|qr|desk|walk-in|~door|steward|entry|attend"),
    t("teaching", Stage::Fulfil, "Classes", "Run a class", ["get the most out of a class", "be ready for everyone who comes"], Mvp, "", "~class|lesson|coming|substitut|injur"),
    t("delivery", Stage::Fulfil, "Delivery", "Deliver", ["get it on time", "deliver on time"], Mvp, "", "deliver|courier|route|shipment|dispatch"),
    t("approval", Stage::Fulfil, "Approval", "Decide on requests", ["get a decision without delay", "decide quickly and with the facts"], Mvp, "", "approv|reject|review|escalat|delegat|policy|decid|budget"),
    t("access", Stage::Fulfil, "Access", "Let people in", ["get in without a key", "let in only whom I trust"], Mvp, "", "guest|code|visitor|key|temporary"),
    t("tracking", Stage::Track, "Tracking", "Follow the status", ["know what is happening now", "know what is happening now"], Mvp, "", "track|status|progress|real-time|live"),
    t("notifications", Stage::Track, "Notifications", "Get notified", ["hear about it in time", "hear about it in time"], Release1, "", "notif|remind|alert|email|sms|push"),
    t("chat", Stage::Track, "Messages", "Talk to each other", ["settle questions directly", "settle questions directly"], Release1, "", "chat|messag|contact|talk|call"),
    t("reviews", Stage::After, "Reviews", "Leave a review", ["help others choose", "learn what to do better"], Release1, "", "rate|rating|star|feedback|comment"),
    t("history", Stage::After, "History", "Look back", ["look back at what happened", "look back at what happened"], Release1, "", "history|past|archiv|streak|record|repeat"),
    t("social", Stage::After, "Community", "Share with others", ["enjoy it together", "keep in touch with people"], Later, "", "friend|follow|share|communit|artist"),
    t("documents", Stage::After, "Documents", "Get documents", ["have the papers at hand", "have the papers at hand"], Release1, "", "download|pdf|certificat|print"),
    t("support", Stage::After, "Support", "Get help", ["have a problem solved", "solve problems quickly"], Release1, "", "support|help|complain|disput|warrant"),
    t("catalog_admin", Stage::Manage, "Content", "Keep content up to date", ["see what is true today", "show people what is true today"], Mvp, "", "supplier|upload|creat|~event|zone|publish"),
    t("planning", Stage::Manage, "Planning", "Plan the schedule", ["plan my time", "use time and rooms well"], Mvp, "", "weekly|room|capacity|shift"),
    t("users", Stage::Manage, "People", "Manage people and roles", ["know who sees my data", "give everyone the right access"], Mvp, "", "role|permission|block|ban|invit|sso|single|people|admin|~readers"),
    t("settings", Stage::Manage, "Settings", "Set the rules", ["set it up my way", "change the rules without a developer"], Release1, "", "setting|configur|limit|rule|~set|~sets|polic|~fee|commission|tariff"),
    t("payroll", Stage::Manage, "Payroll", "Settle what staff earn", ["be paid what I earned", "pay everybody what they earned"], Release1, "", "payroll|salar|wage|payout|earning"),
    t("reports", Stage::Manage, "Reports", "Read the reports", ["decide by the numbers", "decide by the numbers"], Release1, "", "statistic|~report|analytic|dashboard|revenue|occupancy|retention|~monthly|~sales|energy|usage"),
    t("integration", Stage::Manage, "Integrations", "Exchange data", ["avoid typing data twice", "avoid typing data twice"], Release1, "", "integrat|export|import|csv|api|accounting|sync|connect|webhook"),
    t("speed", Stage::Quality, "Speed", "Work without waiting", ["lose no time waiting", "lose no time waiting"], Release1, "", "second|fast|quick|load|perform|surviv|concurren|latency|minute"),
    t("platforms", Stage::Quality, "Platforms", "Use it on my own device", ["use it on my own device", "use it on my own device"], Mvp, "", "ios|android|browser|platform|mobile|web|desktop|tablet"),
    t("offline", Stage::Quality, "Offline work", "Work offline", ["go on without a connection", "go on without a connection"], Release1, "", "offline|connection|network"),
    t("security", Stage::Quality, "Data protection", "Keep data safe", ["trust the product with my data", "answer for the safety of the data"], Mvp, "", "secur|encrypt|privac|gdpr|audit|protect|delet|health|data"),
    t("languages", Stage::Quality, "Languages", "Use it in my language", ["understand everything on the screen", "understand everything on the screen"], Later, "", "language|english|german|russian|locali|translat"),
    t("accessibility", Stage::Quality, "Accessibility", "Use it with assistive technology", ["use it whatever my abilities", "serve everybody"], Mvp, "", "accessib|screen|wcag|contrast|reader"),
    t("reliability", Stage::Quality, "Reliability", "Rely on the service", ["rely on it at any time", "rely on it at any time"], Release1, "", "reliab|uptime|backup|failover|99"),
];

#[expect(clippy::too_many_arguments, reason = "one row of a table, in the order of its columns")]
const fn t(
    key: &'static str,
    stage: Stage,
    name: &'static str,
    task: &'static str,
    [benefit, staff_benefit]: [&'static str; 2],
    release: Release,
    for_staff: &'static str,
    words: &'static str,
) -> Topic {
    Topic { key, stage, name, task, benefit, staff_benefit, release, for_staff, words }
}
