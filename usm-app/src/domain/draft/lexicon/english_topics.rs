//! Topics of English requirement texts, in the order a user lives them.

use super::{Stage, Topic};
use crate::domain::story_map::Release::{self, Later, Mvp, Release1};

#[rustfmt::skip]
pub(super) const TOPICS: &[Topic] = &[
    t("register", Stage::Start, "Registration", "Register and sign in", "start using the service", Mvp, "users", "regist|sign|login|log-in|account|password|onboard|waiver"),
    t("profile", Stage::Start, "Profile", "Fill in the profile", "enter my details only once", Mvp, "", "profile|address|preferenc|personal"),
    t("search", Stage::Find, "Search", "Find what fits", "find what fits sooner", Mvp, "", "search|find|filter|sort|discover|explor|browse"),
    t("catalog", Stage::Find, "Catalogue", "Look at what is on offer", "choose knowing the facts", Mvp, "catalog_admin", "catalog|product|menu|detail|compar|price|gallery|copy|copies|titles|plan"),
    t("timetable", Stage::Find, "Timetable", "See the timetable", "plan my time", Mvp, "planning", "timetable|schedul|calendar|slot|availab"),
    t("cart", Stage::Act, "Cart", "Fill the cart", "gather everything in one place", Mvp, "", "cart|basket|wishlist"),
    t("booking", Stage::Act, "Booking", "Book a place", "be sure of a place", Mvp, "", "book|reserv|hold|held|appointment|wait|seat|spot|cancellation|no-show"),
    t("request", Stage::Act, "Requests", "Prepare and submit a request", "get an answer without chasing people", Mvp, "", "request|submit|receipt|claim|expense|application|form|mileage"),
    t("order", Stage::Act, "Orders", "Place an order", "get what I need without a phone call", Mvp, "order_work", "order|checkout|buy|purchas|ticket"),
    t("lists", Stage::Act, "Lists", "Keep personal lists", "come back to it later", Release1, "", "list|favourit|favorit|bookmark"),
    t("devices", Stage::Act, "Devices", "Control devices", "control things from anywhere", Mvp, "", "device|switch|light|heating|thermostat|camera|door|lock|sensor|smart|home"),
    t("core", Stage::Act, "Core actions", "Get the main work done", "do what I came for", Mvp, "", ""),
    t("payment", Stage::Pay, "Payment", "Pay", "settle in a way that suits me", Mvp, "", "pay|paid|card|invoic|price|apple|paypal|credit|cash|fine|fines|single|pack"),
    t("discount", Stage::Pay, "Discounts", "Use a discount", "pay less", Release1, "", "discount|promo|coupon|loyal|bonus|voucher|gift"),
    t("subscription", Stage::Pay, "Memberships", "Manage a membership", "keep using the service", Release1, "", "subscri|membership|renew automatically|plan"),
    t("refund", Stage::Pay, "Refunds", "Get money back", "get money back without a dispute", Release1, "", "refund|reimburs|compensat|payout"),
    t("order_work", Stage::Fulfil, "Fulfilment", "Fulfil an order", "fulfil it on time", Mvp, "", "prepar|fulfil|pack|ship|pick"),
    t("loans", Stage::Fulfil, "Loans", "Issue and return", "know what is lent to whom", Mvp, "", "loan|borrow|return|issue|overdue|damag|lost|lend|renew|branch"),
    t("checkin", Stage::Fulfil, "Check-in", "Check people in", "let the right people in without a queue", Mvp, "", "check-in|checks|scan|qr|desk|walk-in|door|steward|entry|attend"),
    t("teaching", Stage::Fulfil, "Classes", "Run a class", "be ready for everyone who comes", Mvp, "", "class|lesson|coming|substitut|injur"),
    t("delivery", Stage::Fulfil, "Delivery", "Deliver", "deliver on time", Mvp, "", "deliver|courier|route|shipment|dispatch"),
    t("approval", Stage::Fulfil, "Approval", "Decide on requests", "decide quickly and with the facts", Mvp, "", "approv|reject|review|escalat|delegat|policy|decid|budget"),
    t("access", Stage::Fulfil, "Access", "Let people in", "let in only whom I trust", Mvp, "", "guest|code|visitor|key|temporary"),
    t("tracking", Stage::Track, "Tracking", "Follow the status", "know what is happening now", Mvp, "", "track|status|progress|real-time|live"),
    t("notifications", Stage::Track, "Notifications", "Get notified", "hear about it in time", Release1, "", "notif|remind|alert|email|sms|push"),
    t("chat", Stage::Track, "Messages", "Talk to each other", "settle questions directly", Release1, "", "chat|messag|contact|talk|call"),
    t("reviews", Stage::After, "Reviews", "Leave a review", "help others choose", Release1, "", "rate|rating|star|feedback|comment"),
    t("history", Stage::After, "History", "Look back", "look back at what happened", Release1, "", "history|past|archiv|streak|record|repeat"),
    t("social", Stage::After, "Community", "Share with others", "enjoy it together", Later, "", "friend|follow|share|communit|transfer|artist"),
    t("documents", Stage::After, "Documents", "Get documents", "have the papers at hand", Release1, "", "download|pdf|certificat|print"),
    t("support", Stage::After, "Support", "Get help", "have a problem solved", Release1, "", "support|help|complain|disput|warrant"),
    t("catalog_admin", Stage::Manage, "Content", "Keep content up to date", "show people what is true today", Mvp, "", "supplier|upload|creat|event|zone|publish"),
    t("planning", Stage::Manage, "Planning", "Plan the schedule", "use time and rooms well", Mvp, "", "weekly|room|capacity|shift"),
    t("users", Stage::Manage, "People and roles", "Manage people and roles", "give everyone the right access", Mvp, "", "role|permission|invit|sso|single|people|admin|readers"),
    t("settings", Stage::Manage, "Settings", "Set the rules", "change the rules without a developer", Release1, "", "setting|configur|limit|rule|set|sets|polic|fee|commission|tariff"),
    t("reports", Stage::Manage, "Reports", "Read the reports", "decide by the numbers", Release1, "", "statistic|analytic|dashboard|revenue|occupancy|retention|monthly|sales|energy|usage"),
    t("integration", Stage::Manage, "Integrations", "Exchange data", "avoid typing data twice", Release1, "", "integrat|export|import|csv|api|accounting|sync|connect|webhook"),
    t("speed", Stage::Quality, "Speed", "Work without waiting", "lose no time waiting", Release1, "", "second|fast|quick|load|perform|surviv|concurren|latency|minute"),
    t("platforms", Stage::Quality, "Platforms", "Use it on my own device", "use it on my own device", Mvp, "", "ios|android|browser|platform|mobile|web|desktop|tablet"),
    t("offline", Stage::Quality, "Offline work", "Work offline", "go on without a connection", Release1, "", "offline|connection|network"),
    t("security", Stage::Quality, "Data protection", "Keep data safe", "trust the product with my data", Mvp, "", "secur|encrypt|privac|gdpr|audit|protect|delet|health|data"),
    t("languages", Stage::Quality, "Languages", "Use it in my language", "understand everything on the screen", Later, "", "language|english|german|russian|locali|translat"),
    t("accessibility", Stage::Quality, "Accessibility", "Use it with assistive technology", "use it whatever my abilities", Mvp, "", "accessib|screen reader|wcag|contrast|reader"),
    t("reliability", Stage::Quality, "Reliability", "Rely on the service", "rely on it at any time", Release1, "", "reliab|uptime|backup|failover|99"),
];

#[expect(clippy::too_many_arguments, reason = "one row of a table, in the order of its columns")]
const fn t(
    key: &'static str,
    stage: Stage,
    name: &'static str,
    task: &'static str,
    benefit: &'static str,
    release: Release,
    for_staff: &'static str,
    words: &'static str,
) -> Topic {
    Topic { key, stage, name, task, benefit, release, for_staff, words }
}
