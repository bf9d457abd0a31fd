//! Personal API tokens.

use std::time::Duration;

use picloud_shared::{
    access::{AppRole, Ceiling},
    change::{Change, Via},
    id::{AppId, TokenId, UserId},
    repository::{
        AppRepository, CreateTokenError, SessionRepository, TOKEN_TOUCH_INTERVAL_MIN, TOKENS_PER_PERSON_MAX,
        TokenRepository, UserRepository,
    },
};

use crate::{
    bed::{Bed, cases},
    fixtures::{api_token, app, change, credentials, fifty_at_once, now, session},
};

cases! {
    a_token_is_found_until_it_ends,
    a_token_of_an_inactive_person_is_not_found,
    that_a_token_is_used_is_noted_once_a_minute,
    names_are_unique_per_person,
    a_person_has_a_bounded_number_of_tokens,
    of_fifty_tokens_of_one_name_one_is_made,
    a_token_is_deleted_by_its_person,
    a_token_goes_with_its_app,
    a_token_needs_an_active_person_and_its_app,
    a_token_needs_the_session_that_asks,
    an_ended_token_stands_in_no_way,
}

async fn ada(bed: &Bed) -> UserId {
    let ada = credentials("ada");
    bed.store.create_first_user(&ada, &change()).await.unwrap();
    ada.user.id
}

async fn a_token_is_found_until_it_ends(bed: Bed) {
    let user = ada(&bed).await;
    let limit = app(&bed.store, "shop").await.id;
    let mut token = api_token(user, "deploy", 1);
    token.ceiling = Ceiling {
        app: Some(limit),
        role: Some(AppRole::Editor),
    };
    let end = token.created_at.plus(Duration::from_hours(1));
    token.expires_at = Some(end);
    bed.store.create_token(&token, &change()).await.unwrap();
    let (found, person) = bed.store.find_token(&[1; 32], now()).await.unwrap().unwrap();
    assert_eq!((found, person.id), (token.clone(), user));
    assert!(bed.store.find_token(&[2; 32], now()).await.unwrap().is_none());
    assert!(bed.store.find_token(&[1; 32], end).await.unwrap().is_none());
    let listed = bed.store.list_tokens(user).await.unwrap();
    assert_eq!(listed, [token], "it is listed still");
    bed.finish().await;
}

async fn a_token_of_an_inactive_person_is_not_found(bed: Bed) {
    let user = ada(&bed).await;
    let token = api_token(user, "deploy", 1);
    bed.store.create_token(&token, &change()).await.unwrap();
    bed.raw().await.run("UPDATE users SET is_active = FALSE").await;
    assert!(bed.store.find_token(&[1; 32], now()).await.unwrap().is_none());
    bed.finish().await;
}

async fn that_a_token_is_used_is_noted_once_a_minute(bed: Bed) {
    let user = ada(&bed).await;
    let token = api_token(user, "deploy", 1);
    bed.store.create_token(&token, &change()).await.unwrap();
    let last_used = async || bed.store.list_tokens(user).await.unwrap()[0].last_used_at;
    let first = now();
    bed.store.touch_token(token.id, first).await.unwrap();
    assert_eq!(last_used().await, Some(first));
    let soon = first.plus(Duration::from_secs(59));
    bed.store.touch_token(token.id, soon).await.unwrap();
    assert_eq!(last_used().await, Some(first));
    let later = first.plus(TOKEN_TOUCH_INTERVAL_MIN);
    bed.store.touch_token(token.id, later).await.unwrap();
    assert_eq!(last_used().await, Some(later));
    bed.finish().await;
}

async fn names_are_unique_per_person(bed: Bed) {
    let user = ada(&bed).await;
    let first = api_token(user, "deploy", 1);
    bed.store.create_token(&first, &change()).await.unwrap();
    let second = api_token(user, "deploy", 2);
    let error = bed.store.create_token(&second, &change()).await.unwrap_err();
    assert!(matches!(error, CreateTokenError::NameTaken), "{error:?}");
    let other = api_token(user, "backup", 3);
    bed.store.create_token(&other, &change()).await.unwrap();
    assert_eq!(bed.store.list_tokens(user).await.unwrap(), [other, first]);
    bed.finish().await;
}

async fn a_person_has_a_bounded_number_of_tokens(bed: Bed) {
    let user = ada(&bed).await;
    for number in 0..TOKENS_PER_PERSON_MAX - 1 {
        let token = api_token(user, &number.to_string(), u8::try_from(number).unwrap());
        bed.store.create_token(&token, &change()).await.unwrap();
    }
    // Of many at once only one has room.
    let results = fifty_at_once(async |number| {
        let byte = u8::try_from(TOKENS_PER_PERSON_MAX + number).unwrap();
        let token = api_token(user, &format!("last {number}"), byte);
        bed.store.create_token(&token, &change()).await
    })
    .await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    let refused = results.into_iter().filter_map(Result::err);
    assert!(
        refused
            .into_iter()
            .all(|error| matches!(error, CreateTokenError::TooMany))
    );
    bed.finish().await;
}

async fn of_fifty_tokens_of_one_name_one_is_made(bed: Bed) {
    let user = ada(&bed).await;
    let results = fifty_at_once(async |number| {
        let token = api_token(user, "deploy", u8::try_from(number).unwrap());
        bed.store.create_token(&token, &change()).await
    })
    .await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    assert_eq!(bed.store.list_tokens(user).await.unwrap().len(), 1);
    bed.finish().await;
}

async fn a_token_is_deleted_by_its_person(bed: Bed) {
    let user = ada(&bed).await;
    let token = api_token(user, "deploy", 1);
    bed.store.create_token(&token, &change()).await.unwrap();
    let delete = async |user, token| bed.store.delete_token(user, token, &change()).await.unwrap();
    assert!(!delete(UserId::new(now()), token.id).await);
    assert!(!delete(user, TokenId::new(now())).await);
    assert!(delete(user, token.id).await);
    assert!(!delete(user, token.id).await);
    assert!(bed.store.find_token(&[1; 32], now()).await.unwrap().is_none());
    bed.finish().await;
}

async fn a_token_goes_with_its_app(bed: Bed) {
    let user = ada(&bed).await;
    let limit = app(&bed.store, "shop").await.id;
    let mut token = api_token(user, "deploy", 1);
    token.ceiling.app = Some(limit);
    bed.store.create_token(&token, &change()).await.unwrap();
    bed.store.delete_app(limit, true, &change()).await.unwrap();
    assert!(bed.store.list_tokens(user).await.unwrap().is_empty());
    bed.finish().await;
}

async fn a_token_needs_an_active_person_and_its_app(bed: Bed) {
    let stranger = api_token(UserId::new(now()), "deploy", 1);
    let error = bed.store.create_token(&stranger, &change()).await.unwrap_err();
    assert!(matches!(error, CreateTokenError::NoPerson), "{error:?}");
    let user = ada(&bed).await;
    let mut token = api_token(user, "deploy", 1);
    token.ceiling.app = Some(AppId::new(now()));
    let error = bed.store.create_token(&token, &change()).await.unwrap_err();
    assert!(matches!(error, CreateTokenError::NoApp), "{error:?}");
    bed.raw().await.run("UPDATE users SET is_active = FALSE").await;
    let error = bed
        .store
        .create_token(&api_token(user, "deploy", 1), &change())
        .await
        .unwrap_err();
    assert!(matches!(error, CreateTokenError::NoPerson), "{error:?}");
    bed.finish().await;
}

async fn a_token_needs_the_session_that_asks(bed: Bed) {
    let user = ada(&bed).await;
    let session = session(user, 1);
    bed.store.create_session(&session).await.unwrap();
    let by = Change {
        author: Some(user),
        via: Via::Session(session.id),
        ..change()
    };
    let first = api_token(user, "first", 1);
    bed.store.create_token(&first, &by).await.unwrap();
    assert!(bed.store.reset_password(user, "new", &change()).await.unwrap());
    let second = api_token(user, "second", 2);
    let error = bed.store.create_token(&second, &by).await.unwrap_err();
    assert!(matches!(error, CreateTokenError::NoPerson), "{error:?}");
    assert!(bed.store.list_tokens(user).await.unwrap().is_empty());
    bed.finish().await;
}

async fn an_ended_token_stands_in_no_way(bed: Bed) {
    let user = ada(&bed).await;
    let lasting = api_token(user, "backup", 1);
    bed.store.create_token(&lasting, &change()).await.unwrap();
    let mut first = api_token(user, "deploy", 2);
    let end = first.created_at.plus(Duration::from_hours(1));
    first.expires_at = Some(end);
    bed.store.create_token(&first, &change()).await.unwrap();
    let mut second = api_token(user, "deploy", 3);
    let error = bed.store.create_token(&second, &change()).await.unwrap_err();
    assert!(matches!(error, CreateTokenError::NameTaken), "{error:?}");
    second.created_at = end;
    bed.store.create_token(&second, &change()).await.unwrap();
    assert_eq!(bed.store.list_tokens(user).await.unwrap(), [second, lasting]);
    bed.finish().await;
}
